import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ends, living, openings } from '../../guard/ended-identities.ts'
import { alice, nowSeconds, rowsOf } from '../../guard/policy-rows.ts'
import { type RawAnswer, sendRaw } from '../../guard/raw-socket.ts'
import { checkOf, type GrpcClient, openGrpc } from './grpc-client.ts'
import { type Rig, secretOf, startAuthorizer } from './rig.ts'

// S11 at the authorizer: a proxy is given no name of a caller that does not count now, in any protocol. The ends that
// take time are of the policy's clock alone, which the guard's own tests move.

let rig: Rig
let client: GrpcClient
beforeAll(async () => {
  rig = await startAuthorizer()
  client = openGrpc(`http://127.0.0.1:${rig.grpc}`)
})
afterAll(async () => {
  client.close()
  await rig.close()
})

const atOnce = ends.filter(({ wait }) => wait === undefined)

/** What the proxy would write into the head that the app gets. */
interface Told {
  readonly client: string | undefined
  readonly removed: readonly string[]
}

async function overGrpc(target: string, token: string): Promise<Told> {
  const check = checkOf({ target, headers: { authorization: `Bearer ${token}` } })
  const { response } = await client.check(check, { 'latchkey-peer-secret': secretOf('envoy') })
  const { case: kind, value } = response?.httpResponse ?? { case: undefined, value: undefined }
  if (kind !== 'okResponse') throw new Error(`the check was not passed: ${kind}`)
  const said = value.headers.find(({ header }) => header?.key === 'latchkey-client')
  return { client: said?.header?.value, removed: value.headersToRemove }
}

const askHttp = (path: string, secret: string, token: string, fields: readonly string[] = []): Promise<RawAnswer> =>
  sendRaw(
    rig.http,
    [`GET ${path} HTTP/1.1`, 'Host: authorizer', `Latchkey-Peer-Secret: ${secretOf(secret)}`, ...fields]
      .concat(`Authorization: Bearer ${token}`)
      .join('\r\n')
      .concat('\r\n\r\n'),
  )

async function overEnvoyHttp(target: string, token: string): Promise<Told> {
  const { status, headers } = await askHttp(`/check/shop/orders${target}`, 'envoy', token)
  expect(status).toBe(200)
  // An empty value takes the place of what a caller wrote.
  return {
    client: headers['latchkey-client']?.[0] || undefined,
    removed: (headers['x-envoy-auth-headers-to-remove']?.[0] ?? '').split(','),
  }
}

async function overNginx(target: string, token: string): Promise<Told> {
  const fields = ['X-Original-Method: GET', `X-Original-URI: ${target}`]
  const { status, headers } = await askHttp('/check/shop/orders', 'nginx', token, fields)
  expect([status, headers.authorization]).toEqual([200, undefined])
  return { client: headers['latchkey-client']?.[0], removed: ['authorization'] }
}

describe.each([
  ['gRPC', overGrpc],
  ['HTTP, to Envoy', overEnvoyHttp],
  ['HTTP, to nginx', overNginx],
] as const)('S11 an authorizer that is asked over %s', (_protocol, ask) => {
  it.each(openings)('names nobody on $name who does not count', async ({ path, service }) => {
    for (const end of atOnce) {
      const token = end.token()
      rig.apply(living(service))
      expect((await ask(path, token)).client).toBe(alice.clientId)
      rig.apply(end.rows(service))
      for (const one of [token, end.token()]) {
        const { client: named, removed } = await ask(path, one)
        expect([end.name, named]).toEqual([end.name, undefined])
        expect(removed).toContain('authorization')
      }
    }
  })

  it('names nobody whose token has ended', async () => {
    rig.apply(rowsOf())
    const ended = alice.token({ iat: nowSeconds() - 300, exp: nowSeconds() - 60 })
    expect((await ask('/open/x', ended)).client).toBeUndefined()
  })

  it('passes on no credential that does not count', async () => {
    rig.apply(rowsOf({ service: { keepCredential: 'Jwt' }, alice: { keys: [{ ...alice.key, revoked: true }] } }))
    expect((await ask('/open/x', alice.token())).removed).toContain('authorization')
  })
})
