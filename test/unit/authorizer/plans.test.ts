import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alice, rowsOf } from '../../guard/policy-rows.ts'
import { type RawAnswer, sendRaw } from '../../guard/raw-socket.ts'
import { checkOf, type GrpcClient, openGrpc } from './grpc-client.ts'
import { type Rig, secretOf, startAuthorizer } from './rig.ts'

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

const limit = { requests: 1, perSeconds: 60 }
const apply = (name: string) => rig.apply(rowsOf({ grant: { name, limit } }))
const fields: Readonly<Record<string, (target: string) => string[]>> = {
  envoy: () => [],
  nginx: target => ['X-Original-Method: GET', `X-Original-URI: ${target}`],
  haproxy: target => ['X-Original-Method: GET', `X-Original-URI: ${target}`],
  traefik: target => ['X-Forwarded-Method: GET', `X-Forwarded-Uri: ${target}`, 'X-Forwarded-Host: orders'],
}

function check(proxy: string): Promise<RawAnswer> {
  const path = proxy === 'envoy' ? '/check/shop/orders/api/x' : '/check/shop/orders'
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: authorizer',
    `Latchkey-Peer-Secret: ${secretOf(proxy)}`,
    `Authorization: Bearer ${alice.token()}`,
    ...(fields[proxy]?.('/api/x') ?? []),
  ]
  return sendRaw(rig.http, `${lines.join('\r\n')}\r\n\r\n`)
}

describe('a plan behind a proxy that asks', () => {
  it.each(['envoy', 'traefik', 'haproxy'])('over HTTP is told to %s as guards tell callers', async proxy => {
    apply(`of-${proxy}`)
    expect((await check(proxy)).status).toBe(200)
    const answer = await check(proxy)
    expect(answer.status).toBe(429)
    expect(answer.headers).toMatchObject({ 'ratelimit-policy': ['"grant";q=1;w=60'] })
    expect(answer.headers['retry-after']?.[0]).toMatch(/^\d+$/)
    const line = { reason: 'limit_exceeded', grant: `of-${proxy}`, status: 429 }
    await expect.poll(async () => (await rig.audit()).at(-1)).toMatchObject(line)
  })

  it('is told to nginx as 403, with the status and the times as headers', async () => {
    apply('of-nginx')
    await check('nginx')
    const answer = await check('nginx')
    expect(answer.status).toBe(403)
    expect(answer.headers).toMatchObject({ 'latchkey-status': ['429'], 'ratelimit-policy': ['"grant";q=1;w=60'] })
    expect(JSON.parse(answer.headers['latchkey-problem']?.[0] ?? '')).toMatchObject({ code: 'limit_exceeded' })
  })

  it('over gRPC is RESOURCE_EXHAUSTED with 429 for the caller, and counts as one with checks over HTTP', async () => {
    apply('of-both')
    expect((await check('envoy')).status).toBe(200)
    const asked = checkOf({ target: '/api/x', headers: { authorization: `Bearer ${alice.token()}` } })
    const { response } = await client.check(asked, { 'latchkey-peer-secret': secretOf('envoy') })
    expect(response?.status?.code).toBe(8)
    const denied = response?.httpResponse
    if (denied?.case !== 'deniedResponse') throw new Error('it was let in')
    expect(denied.value.status?.code).toBe(429)
    const told = Object.fromEntries(denied.value.headers.map(({ header }) => [header?.key, header?.value]))
    expect(told).toMatchObject({
      'ratelimit-policy': '"grant";q=1;w=60',
      'retry-after': expect.stringMatching(/^\d+$/),
    })
  })
})
