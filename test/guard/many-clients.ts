import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import { Agent, get } from 'node:http'
import { clientTokenClaims } from '../../core/credential/client-token-claims.ts'
import { thumbprint } from '../../core/jose/jwk.ts'
import type { Frame, Seen } from '../../core/rows/frames.ts'
import { sliceHash } from '../../core/rows/hash.ts'
import { type ClientRow, type Row, rowKey } from '../../core/rows/rows.ts'
import { audience, compact, nowSeconds, rowsOf } from './policy-rows.ts'

/** RFC 8410 section 7: what stands before the 32 bytes of a private key. */
const privateKeyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
/** As many as a grant names at most. */
const clientsOfGrant = 256

/** A client with a real key, which its number decides; its row is as long as those of a cluster. */
export function clientOf(number: number): ClientRow {
  const name = `client-${number}`
  const clientId = `sc_${createHash('sha256').update(name).digest('hex').slice(0, 26)}`
  const { x = '' } = createPublicKey(privateKeyOf(number)).export({ format: 'jwk' })
  const publicKey = { kty: 'OKP', crv: 'Ed25519', x } as const
  const kid = thumbprint(publicKey)
  return {
    type: 'client',
    clientId,
    namespace: 'callers',
    name,
    issuer: `https://latchkey-issuer.latchkey-system.svc/default/v1/clients/${clientId}`,
    createdAt: 1_700_000_000,
    suspended: false,
    keys: [{ kid, accessKey: name, algorithm: 'Ed25519', publicKey, notBefore: 1_700_000_000 }],
  }
}

function privateKeyOf(number: number): KeyObject {
  const seed = createHash('sha256').update(`key of ${number}`).digest()
  return createPrivateKey({ key: Buffer.concat([privateKeyPrefix, seed]), format: 'der', type: 'pkcs8' })
}

/** Rows of a service that so many clients may call, from the one of this number on, each named by a grant. */
export function rowsOfClients(first: number, count: number): Row[] {
  // The machine that runs this listens on more than the guard's pod would.
  const rows: Row[] = rowsOf({ service: { directAccess: 'Report' } })
  const role = rows.find(row => row.type === 'role')?.name ?? ''
  for (let from = first; from < first + count; from += clientsOfGrant) {
    const some = Math.min(clientsOfGrant, first + count - from)
    const clients = Array.from({ length: some }, (_, at) => clientOf(from + at))
    rows.push(...clients, {
      type: 'grant',
      name: `grant-${from}`,
      role,
      clients: clients.map(({ clientId }) => clientId),
    })
  }
  return rows
}

/** What changes one state into another. */
export function changeBetween(from: readonly Row[], to: readonly Row[], seen: Seen): Frame & { readonly hash: string } {
  const before = new Map(from.map(row => [rowKey(row), JSON.stringify(row)]))
  const upsert: Row[] = []
  for (const row of to) {
    const key = rowKey(row)
    if (before.get(key) !== JSON.stringify(row)) upsert.push(row)
    before.delete(key)
  }
  return { delta: { upsert, remove: [...before.keys()] }, seen, hash: sliceHash(to) }
}

/** One call of each of these clients, so many at one time. @returns how often each status came */
export async function callAs(
  port: number,
  clients: Iterable<ClientRow>,
  width = 32,
): Promise<Readonly<Record<number, number>>> {
  const agent = new Agent({ keepAlive: true, maxSockets: width })
  const statuses: Record<number, number> = {}
  const left = clients[Symbol.iterator]()
  const caller = async (): Promise<void> => {
    for (let next = left.next(); !next.done; next = left.next()) {
      const status = await call(port, tokenOf(next.value), agent)
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  try {
    await Promise.all(Array.from({ length: width }, caller))
  } finally {
    agent.destroy()
  }
  return statuses
}

function tokenOf({ clientId, issuer, name, keys }: ClientRow): string {
  const claims = clientTokenClaims({ clientId, issuer, audience, now: nowSeconds(), jti: randomUUID() })
  const number = Number(name.slice('client-'.length))
  return compact({ typ: 'at+jwt', alg: 'EdDSA', kid: keys[0]?.kid }, claims, privateKeyOf(number))
}

function call(port: number, token: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    const request = get({ host: '127.0.0.1', port, path: '/api/7', agent, headers, timeout: 15_000 }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', reject)
  })
}
