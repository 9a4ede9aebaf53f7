import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { sliceHash } from '../../core/rows/hash.ts'
import type { ClientRow, Row } from '../../core/rows/rows.ts'
import { guardFlagsWithin } from '../../platform/guard-process.ts'
import { type LimitedProcess, startLimited } from '../cluster/limited-process.ts'
import { type FrameServer, startFrameServer } from './frame-server.ts'
import { alice, rowsOf, service } from './policy-rows.ts'

/** Rows of a service that many clients may call, about as many as this many bytes of JSON. */
export function rowsOfSize(bytes: number): Row[] {
  // The machine that runs this listens on more than the guard's pod would.
  const rows: Row[] = rowsOf({ service: { directAccess: 'Report' } })
  for (let size = 0; size < bytes; ) {
    const row = client(rows.length)
    size += JSON.stringify(row).length + 1
    rows.push(row)
  }
  return rows
}

/** As many as a grant names at most. */
const clientsOfGrant = 256

/** Rows of a service that so many more clients may call, each named by a grant. */
export function rowsOfClients(count: number): Row[] {
  const rows: Row[] = rowsOf({ service: { directAccess: 'Report' } })
  const role = rows.find(row => row.type === 'role')?.name ?? ''
  const clients = Array.from({ length: count }, (_, number) => client(number))
  const grants = Array.from({ length: Math.ceil(count / clientsOfGrant) }, (_, at) => ({
    type: 'grant' as const,
    name: `grant-${at}`,
    role,
    clients: clients.slice(at * clientsOfGrant, (at + 1) * clientsOfGrant).map(({ clientId }) => clientId),
  }))
  return [...rows, ...grants, ...clients]
}

function client(number: number): ClientRow {
  const name = `client-${number}`
  const clientId = `sc_${randomBytes(13).toString('hex')}`
  return {
    type: 'client',
    clientId,
    namespace: 'callers',
    name,
    issuer: `https://latchkey-issuer.latchkey-system.svc/default/v1/clients/${clientId}`,
    createdAt: 1_700_000_000,
    suspended: false,
    keys: [
      {
        kid: randomBytes(32).toString('base64url'),
        accessKey: name,
        algorithm: 'Ed25519',
        publicKey: { kty: 'OKP', crv: 'Ed25519', x: randomBytes(32).toString('base64url') },
        notBefore: 1_700_000_000,
      },
    ],
  }
}

/** A guard of the chart's memory that is sent these slices, each when it holds the one before. */
export interface SlicedGuard {
  readonly process: LimitedProcess
  /** How many it has taken. */
  taken(): number
  /** Bytes of the last of them on disk; 0 until it is there. */
  stored(): Promise<number>
  /** Ends it at once and starts it again, with an issuer that gives it nothing. */
  restartAlone(): Promise<void>
  /** Status of a call that its policy allows. */
  call(): Promise<number>
  stop(): Promise<void>
}

/**
 * @param directory of the bundled guard
 * @param mebibytes its limit; default: the chart's
 */
export async function sendSlices(directory: string, slices: readonly Row[][], mebibytes = 192): Promise<SlicedGuard> {
  const frames = await startFrameServer()
  const app = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(app, 'listening')
  let taken = 0
  frames.serve(async (stream, response) => {
    for (const rows of slices) {
      const hash = sliceHash(rows)
      const text = Buffer.from(`${JSON.stringify({ full: { rows }, seen: { apiclients: String(taken) }, hash })}\n`)
      for (let at = 0; at < text.length && !response.destroyed; at += 65_536) {
        await new Promise(resolve => response.write(text.subarray(at, at + 65_536), resolve))
      }
      while (!response.destroyed && stream.held.at(-1)?.hash !== hash) await pause(20)
      if (response.destroyed) return
      taken++
    }
  })
  const start = () => startLimitedGuard(directory, frames, { appPort: (app.address() as AddressInfo).port, mebibytes })
  let limited = await start()
  const lastHash = sliceHash(slices.at(-1) ?? [])
  return {
    get process() {
      return limited
    },
    taken: () => taken,
    async stored() {
      const text = await readFile(snapshotOf(frames)).catch(() => Buffer.alloc(0))
      return text.subarray(0, 4_096).includes(lastHash) ? text.length : 0
    },
    async restartAlone() {
      await limited.stop()
      frames.refuse(503, 'unavailable')
      limited = await start()
    },
    async call() {
      const said = limited.said().find(line => line.includes('"guarding"')) ?? ''
      const url = `http://127.0.0.1:${/"port":(\d+)/.exec(said)?.[1]}/api/7`
      const headers = { authorization: `Bearer ${alice.token()}` }
      return (await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })).status
    },
    async stop() {
      await limited.stop()
      await frames.close()
      app.close()
    },
  }
}

const snapshotOf = ({ folder }: FrameServer): string => join(folder, 'snapshot.json')

function startLimitedGuard(
  directory: string,
  frames: FrameServer,
  { appPort, mebibytes }: { appPort: number; mebibytes: number },
): Promise<LimitedProcess> {
  return startLimited({
    command: process.execPath,
    args: [join(directory, 'guard.mjs')],
    mebibytes,
    upWith: '"guarding"',
    env: {
      NODE_OPTIONS: guardFlagsWithin(mebibytes * 1_048_576).join(' '),
      LATCHKEY_SERVICE: service,
      LATCHKEY_UPSTREAM: `http://127.0.0.1:${appPort}`,
      LATCHKEY_LISTEN: '127.0.0.1:0',
      LATCHKEY_ADMIN_LISTEN: '127.0.0.1:0',
      LATCHKEY_SNAPSHOT_URL: frames.url,
      LATCHKEY_CA_FILE: frames.caFile,
      LATCHKEY_TOKEN_FILE: frames.tokenFile,
      LATCHKEY_SNAPSHOT_FILE: snapshotOf(frames),
      LATCHKEY_DRAIN_GRACE: '0s',
    },
  })
}
