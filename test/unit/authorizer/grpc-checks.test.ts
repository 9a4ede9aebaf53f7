import { create } from '@bufbuild/protobuf'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  CheckRequestSchema,
  type CheckResponse,
} from '../../../authorizer/grpc/generated/envoy/service/auth/v3/external_auth_pb.js'
import { writeApiKey } from '../../../core/secret/presented.ts'
import { alice, bob, rowsOf } from '../../guard/policy-rows.ts'
import { knownSecrets } from '../core/secret/secrets.ts'
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
beforeEach(() => rig.apply(rowsOf()))

const envoy = { 'latchkey-peer-secret': secretOf('envoy') }
const bearer = () => ({ authorization: `Bearer ${alice.token()}` })
const ask = async (of: Parameters<typeof checkOf>[0], headers: Record<string, string> = envoy) =>
  told((await client.check(checkOf(of), headers)).response)
const lastLine = async () => (await rig.audit()).at(-1)

/** What Envoy would make of an answer. */
function told(response: CheckResponse | undefined) {
  const { case: kind, value } = response?.httpResponse ?? { case: undefined, value: undefined }
  const headers = Object.fromEntries((value?.headers ?? []).map(({ header }) => [header?.key, header?.value]))
  if (kind === 'okResponse') {
    const onAnswer = value.responseHeadersToAdd.map(({ header }) => `${header?.key}: ${header?.value}`)
    return { code: response?.status?.code, kind, headers, removed: value.headersToRemove, onAnswer }
  }
  if (kind !== 'deniedResponse') return { code: response?.status?.code, kind }
  return { code: response?.status?.code, kind, headers, status: value.status?.code, body: JSON.parse(value.body) }
}

describe('a check over gRPC', () => {
  it('allows who is granted, names the caller and takes the credential off', async () => {
    const answer = await ask({ target: '/api/things?x=1', headers: bearer() })
    expect(answer).toMatchObject({
      code: 0,
      kind: 'okResponse',
      headers: { 'latchkey-client': alice.clientId, 'latchkey-roles': 'caller' },
      onAnswer: ['latchkey-decision: allow; reason=granted; by=guard'],
    })
    expect(answer.removed).toContain('authorization')
    expect(answer.removed).toContain('latchkey-actor')
    expect(answer.removed).not.toContain('latchkey-client')
    await expect.poll(lastLine).toMatchObject({
      ...{ decision: 'allow', method: 'GET', path: '/api/things', service: 'shop/orders' },
      // Envoy tells whom it sees.
      ...{ peer: '203.0.113.9', proxy: 'envoy' },
    })
  })
  it.each([
    ['/api/things', {}, 16, 401, 'credential_missing'],
    ['/api/things', { authorization: `Bearer ${bob.token()}` }, 7, 403, 'not_granted'],
    ['/api/../things', bearer(), 7, 400, 'path_malformed'],
    ['/api/things', { authorization: 'Bearer a,Bearer b' }, 7, 400, 'credential_ambiguous'],
    ['*', {}, 7, 400, 'request_malformed'],
  ])('denies %s with %j, with status, challenge and problem', async (target, headers, code, status, reason) => {
    const answer = await ask({ target, headers: headers as Record<string, string> })
    expect(answer).toMatchObject({ code, kind: 'deniedResponse', status, body: { status, code: reason } })
    expect(answer.headers?.['latchkey-decision']).toBe(`deny; reason=${reason}; by=guard`)
    if (status === 401) expect(answer.headers?.['www-authenticate']).toContain('Bearer realm=')
    expect(answer.headers?.['content-length']).toBeUndefined()
  })
  it('P20 sees two credentials as two where Envoy sends headers as they came', async () => {
    const twice = [
      ['authorization', `Bearer ${alice.token()}`],
      ['Authorization', `Bearer ${alice.token()}`],
    ] as const
    expect(await ask({ target: '/api/x', raw: twice })).toMatchObject({
      status: 400,
      body: { code: 'request_malformed' },
    })
    expect(await ask({ target: '/api/x', raw: twice.slice(1) })).toMatchObject({ kind: 'okResponse' })
  })
  it('P17 P18 P23 takes off what a caller sent under our names, and what asks the app for something else', async () => {
    const headers = {
      ...bearer(),
      latchkey_client: 'x',
      'latchkey.roles': 'x',
      'x-original-url': '/y',
      'x-envoy-a': 'x',
    }
    const { removed = [] } = await ask({ target: '/api/x', headers })
    expect(removed).toEqual(expect.arrayContaining(['latchkey_client', 'latchkey.roles', 'x-original-url']))
    expect(removed).not.toContain('x-envoy-a')
  })
})

describe('who calls again', () => {
  it('is told of in the same words, and in others as soon as anything is otherwise', async () => {
    const headers = bearer()
    const again = (more: Record<string, string> = {}) => ask({ target: '/api/x', headers: { ...headers, ...more } })
    const first = await again()
    expect(await again()).toEqual(first)
    const removed = async (more?: Record<string, string>) => (await again(more)).removed
    expect(await removed({ 'latchkey-actor-x': 'y' })).toContain('latchkey-actor-x')
    expect(await removed()).toEqual(first.removed)
    rig.apply(rowsOf({ service: { keepCredential: 'Jwt' } }))
    expect(await removed()).not.toContain('authorization')
    rig.apply(rowsOf({ service: { mode: 'Audit' } }))
    expect(await again()).toEqual(first)
    const other = async () => (await ask({ target: '/other', headers })).onAnswer
    expect(await other()).toEqual(['latchkey-decision: allow; reason=not_granted; mode=audit; by=guard'])
    expect(await ask({ target: '/api/x', headers: { authorization: `Bearer ${alice.token()}` } })).toEqual(first)
    const nobody = await ask({ target: '/open/x' })
    expect(nobody.headers).not.toHaveProperty('latchkey-client')
    expect(await ask({ target: '/open/x' })).toEqual(nobody)
  })
})

describe('an API key in the query', () => {
  const [{ keyId, hash, secret }] = knownSecrets
  const key = writeApiKey({ keyId, secret })
  const rows = rowsOf({
    service: { accepts: ['ClientToken', 'ApiKey'], apiKey: { header: 'x-api-key', query: 'api-key' } },
    alice: { secrets: [{ kid: keyId, accessKey: 'old-caller', kind: 'ApiKey', hash, notBefore: 0 }] },
  })
  beforeEach(() => rig.apply(rows))

  it('lets its client in, and Envoy is told the target without it, each time', async () => {
    for (const [target, left] of [
      [`/api/x?b=1&api-key=${key}&a`, '/api/x?b=1&a'],
      [`/api/y?api-key=${key}`, '/api/y'],
      [`/open/x?&api-key=${key}`, '/open/x?'],
    ] as const) {
      expect(await ask({ target })).toMatchObject({ kind: 'okResponse', headers: { ':path': left } })
      await expect.poll(lastLine).toMatchObject({ decision: 'allow', path: left.split('?')[0] })
    }
    const { headers } = await ask({ target: '/api/x', headers: { 'x-api-key': key } })
    expect(headers).not.toHaveProperty(':path')
    expect(JSON.stringify(await rig.audit())).not.toContain(key)
  })

  it.each([
    ['twice', `/api/x?api-key=${key}&api-key=${key}`],
    ['in another spelling', `/api/x?api%2Dkey=${key}`],
    ['beside a token', `/api/x?api-key=${key}&access_token=x`],
  ])('%s is refused', async (_, target) => {
    const answer = await ask({ target })
    expect(answer).toMatchObject({ kind: 'deniedResponse', status: 400 })
    expect(JSON.stringify(answer)).not.toContain(key)
  })

  it('is told nothing of where it is a parameter like any other', async () => {
    rig.apply(rowsOf())
    const answer = await ask({ target: '/api/x?api-key=abc', headers: bearer() })
    expect(answer.headers).not.toHaveProperty(':path')
  })
})

describe('who asks, and about what', () => {
  it.each<[string, Record<string, string>]>([
    ['nobody', {}],
    ['somebody with a secret that is nobody’s', { 'latchkey-peer-secret': 'x'.repeat(40) }],
  ])('%s is denied', async (_, headers) => {
    const answer = await ask({ target: '/open/x' }, headers)
    expect(answer).toMatchObject({ code: 7, status: 403, body: { code: 'peer_unknown' } })
    await expect.poll(lastLine).toMatchObject({ reason: 'peer_unknown', service: '', peer: '127.0.0.1' })
  })
  it('another kind of proxy is not taken at this port', async () => {
    const answer = await ask({ target: '/open/x' }, { 'latchkey-peer-secret': secretOf('nginx') })
    expect(answer).toMatchObject({ status: 400, body: { code: 'request_malformed' } })
  })
  it('a secret that is sent twice is none', async () => {
    const { response } = await client.check(checkOf({ target: '/open/x' }), {
      'latchkey-peer-secret': [secretOf('envoy'), secretOf('envoy')],
    })
    expect(told(response)).toMatchObject({ body: { code: 'peer_unknown' } })
  })
  it.each([undefined, 'shop/basket', 'orders', 'shop/orders/x'])('about %s it may not ask', async service => {
    // The caller's own word counts for nothing.
    const headers = { 'latchkey.dev/service': 'shop/orders' }
    expect(await ask({ target: '/open/x', service, headers })).toMatchObject({ body: { code: 'service_unknown' } })
  })
})

describe('what is no check', () => {
  it.each([
    ['another method', { ':path': '/envoy.service.auth.v3.Authorization/Other' }, Buffer.alloc(5), '12'],
    ['another HTTP method', { ':method': 'PUT' }, Buffer.alloc(5), '12'],
    ['half a message', {}, Buffer.from([0, 0, 0, 0, 9, 1]), '13'],
    ['no message', {}, Buffer.alloc(0), '13'],
    ['bytes that are no protobuf', {}, Buffer.from([0, 0, 0, 0, 2, 0xff, 0xff]), '13'],
    ['a compressed message', {}, Buffer.from([1, 0, 0, 0, 0]), '12'],
    ['a message of 2 MiB', {}, Buffer.alloc(2 * 1024 * 1024), '8'],
  ])('gets a status and nothing else: %s', async (_, headers, body, status) => {
    const answer = await client.send(body, { ...envoy, ...headers })
    expect(answer).toEqual({ status, response: undefined })
  })
  it('is a check about no HTTP request', async () => {
    const empty = create(CheckRequestSchema, {
      attributes: { contextExtensions: { 'latchkey.dev/service': 'shop/orders' } },
    })
    expect(told((await client.check(empty, envoy)).response)).toMatchObject({ body: { code: 'request_malformed' } })
  })
  it('leaves the connection fit for the next check', async () => {
    expect(await ask({ target: '/open/x' })).toMatchObject({ kind: 'okResponse' })
  })
})

describe('F20 a stop', () => {
  it('answers what runs and sends the proxy elsewhere', async () => {
    const other = await startAuthorizer()
    const connection = openGrpc(`http://127.0.0.1:${other.grpc}`)
    await connection.check(checkOf({ target: '/open/x' }), envoy)
    const away = new Promise(resolve => connection.session.once('goaway', resolve))
    const running = Array.from({ length: 50 }, () => connection.check(checkOf({ target: '/open/x' }), envoy))
    await other.close()
    await away
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual(Array(50).fill('0'))
    connection.close()
  })
})
