import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { httpAnswer } from '../../../authorizer/http/answer-http.ts'
import { writeApiKey } from '../../../core/secret/presented.ts'
import { alice, bob, rowsOf } from '../../guard/policy-rows.ts'
import { openRaw, type RawAnswer, sendRaw } from '../../guard/raw-socket.ts'
import { knownSecrets } from '../core/secret/secrets.ts'
import { peers, type Rig, secretOf, startAuthorizer } from './rig.ts'

let rig: Rig
beforeAll(async () => {
  rig = await startAuthorizer()
})
afterAll(() => rig.close())
beforeEach(() => rig.apply(rowsOf()))

interface Check {
  path?: string
  method?: string
  secret?: string | undefined
  token?: string | undefined
  fields?: readonly string[]
}
function check(of: Check, port = rig.http): Promise<RawAnswer> {
  const { path = '/check/shop/orders', method = 'GET', secret = '', token = alice.token(), fields = [] } = of
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'Host: authorizer',
    ...(secret ? [`Latchkey-Peer-Secret: ${secret}`] : []),
    ...(token ? [`Authorization: Bearer ${token}`] : []),
    ...fields,
  ]
  return sendRaw(port, `${lines.join('\r\n')}\r\n\r\n`)
}
const told = (method: string, target: string) => [`X-Original-Method: ${method}`, `X-Original-URI: ${target}`]
const nginx = (target: string, of: Check = {}) =>
  check({ secret: secretOf('nginx'), ...of, fields: [...told('GET', target), ...(of.fields ?? [])] })
const haproxy = (target: string, of: Check = {}) => nginx(target, { ...of, secret: secretOf('haproxy') })
const envoy = (target: string, of: Check = {}) =>
  check({ secret: secretOf('envoy'), ...of, path: `/check/shop/orders${target}` })
const traefik = (target: string, of: Check = {}) => {
  const fields = ['X-Forwarded-Method: GET', `X-Forwarded-Uri: ${target}`, 'X-Forwarded-Host: orders']
  return check({ secret: secretOf('traefik'), ...of, fields: [...fields, ...(of.fields ?? [])] })
}
const traefikHost = (host: string): Check => {
  const fields = ['X-Forwarded-Method: GET', 'X-Forwarded-Uri: /open/x', `X-Forwarded-Host: ${host}`]
  return { secret: secretOf('traefik'), fields }
}
const decision = (answer: RawAnswer) => answer.headers['latchkey-decision']?.[0]
const lastLine = async () => (await rig.audit()).at(-1)

describe('P21 who is not listed', () => {
  it.each<[string, Check]>([
    ['says nothing of itself', {}],
    ['sends a secret that is nobody’s', { secret: 'x'.repeat(40) }],
    ['sends its secret twice', { secret: secretOf('nginx'), fields: [`Latchkey-Peer-Secret: ${secretOf('nginx')}`] }],
    ['sends two of two peers in one', { secret: `${secretOf('nginx')}, ${secretOf('haproxy')}` }],
  ])('is denied when it %s', async (_, of) => {
    const answer = await check({ ...of, fields: [...told('GET', '/api/x'), ...(of.fields ?? [])] })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'peer_unknown'])
    expect(decision(answer)).toBe('deny; reason=peer_unknown; by=guard')
    expect(answer.headers['www-authenticate']).toBeUndefined()
    await expect.poll(lastLine).toMatchObject({ reason: 'peer_unknown', service: '', peer: '127.0.0.1', status: 403 })
    expect(await lastLine()).not.toHaveProperty('path')
  })
  it('is everybody, by default', async () => {
    const nobody = await startAuthorizer({ peers: [] })
    expect(decision(await check({ secret: secretOf('nginx') }, nobody.http))).toContain('peer_unknown')
    expect((await sendRaw(nobody.health, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')).status).toBe(200)
    await nobody.close()
  })
  it('learns nothing of which services there are', async () => {
    const answers = await Promise.all([check({}), check({ path: '/check/shop/none' }), check({ path: '/metrics' })])
    expect(answers.map(decision)).toEqual(Array(3).fill('deny; reason=peer_unknown; by=guard'))
  })
})

describe('P21 a connection on which a secret was proved', () => {
  it('is known by it as long as it counts, and by another one only where that is proved, too', async () => {
    const connection = await openRaw(rig.http)
    const known = async (secret: string): Promise<boolean> => {
      connection.send(`GET /check/shop/orders/open/x HTTP/1.1\r\nHost: a\r\nLatchkey-Peer-Secret: ${secret}\r\n\r\n`)
      return (await connection.answer()).status === 200
    }
    const [own, next] = [secretOf('envoy'), 'n'.repeat(40)]
    expect([await known(own), await known(own), await known(next), await known(own)]).toEqual([true, true, false, true])
    rig.book.setSecrets('envoy', [next])
    expect([await known(own), await known(next)]).toEqual([false, true])
    rig.book.setSecrets('envoy', [own])
    expect([await known(next), await known(own)]).toEqual([false, true])
    connection.socket.destroy()
  })
})

describe('a listed proxy', () => {
  it.each([
    '/check/shop/basket',
    '/check/shop',
    '/check/shop/orders%2fx',
    '/check/Shop/orders',
    '/check//shop/orders',
    '/',
    '//check/shop/orders',
    '/check/shop/orders*',
  ])('may not ask about %s', async path => {
    const answer = await check({ path, secret: secretOf('nginx'), fields: told('GET', '/api/x') })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([403, 'service_unknown'])
    await expect.poll(lastLine).toMatchObject({ reason: 'service_unknown', proxy: 'nginx' })
  })

  it.each([
    ['nginx', nginx],
    ['haproxy', haproxy],
    ['envoy', envoy],
    ['traefik', traefik],
  ] as const)('asks as %s does, and hears who calls', async (name, ask) => {
    const answer = await ask('/api/things?x=1')
    expect(answer.status).toBe(200)
    expect(decision(answer)).toBe('allow; reason=granted; by=guard')
    expect(answer.headers).toMatchObject({
      'latchkey-client': [alice.clientId],
      'latchkey-subject': [alice.clientId],
      'latchkey-roles': ['caller'],
      'latchkey-attributes': ['tenant=acme, note=a%2C%20%22b%22%0D%0AX-Evil:%201'],
    })
    expect(answer.headers.authorization).toBeUndefined()
    const line = { decision: 'allow', proxy: name, method: 'GET', path: '/api/things', service: 'shop/orders' }
    await expect.poll(lastLine).toMatchObject(line)
    expect(await rig.metrics()).toContain(
      'latchkey_authorizer_decisions_total{guarded_service="shop/orders",decision="allow",reason="granted"}',
    )
  })

  it.each<[string, () => Promise<RawAnswer>]>([
    ['no method', () => check({ secret: secretOf('nginx'), fields: ['X-Original-URI: /open/x'] })],
    ['no target', () => check({ secret: secretOf('nginx'), fields: ['X-Original-Method: GET'] })],
    ['two methods', () => nginx('/open/x', { fields: ['X-Original-Method: GET'] })],
    ['two targets', () => nginx('/open/x', { fields: ['x-original-uri: /open/x'] })],
    ['an empty target', () => nginx('')],
    ['a target of another form', () => nginx('http://other/open/x')],
    ['a target that is too long', () => nginx(`/open/${'x'.repeat(8_200)}`)],
    ['a method that is none', () => check({ secret: secretOf('nginx'), fields: told('GE T', '/open/x') })],
    ['CONNECT', () => check({ secret: secretOf('nginx'), fields: told('CONNECT', '/open/x') })],
    ['two credentials', () => nginx('/open/x', { fields: ['Authorization: Bearer b'] })],
    ['a path behind the service', () => nginx('/open/x', { path: '/check/shop/orders/open/x' })],
    ['a query behind the service', () => nginx('/open/x', { path: '/check/shop/orders?x' })],
    ['the headers of another kind', () => traefik('/open/x', { secret: secretOf('nginx') })],
    ['the path form, as Traefik', () => envoy('/open/x', { secret: secretOf('traefik') })],
    ['no path, as Envoy', () => check({ secret: secretOf('envoy'), fields: told('GET', '/open/x') })],
    ['two hosts, as Traefik', () => traefik('/open/x', { fields: ['X-Forwarded-Host: other'] })],
    ['a host that is none, as Traefik', () => check(traefikHost('a b'))],
    ['two methods, as Traefik', () => traefik('/open/x', { fields: ['X-Forwarded-Method: GET'] })],
  ])('is denied with %s: nothing is guessed', async (_, ask) => {
    const answer = await ask()
    expect(decision(answer)).toBe('deny; reason=request_malformed; by=guard')
    expect(JSON.parse(answer.body)).toMatchObject({ status: 400, code: 'request_malformed' })
    await expect.poll(lastLine).toMatchObject({ reason: 'request_malformed', status: 400, service: 'shop/orders' })
  })

  it('P21 is asked by its own headers only, whatever its caller adds', async () => {
    const added = ['X-Forwarded-Method: GET', 'X-Forwarded-Uri: /open/x', 'X_Original_URI: /open/x']
    expect(decision(await nginx('/other', { fields: added }))).toContain('not_granted')
    expect(decision(await envoy('/other', { fields: told('GET', '/open/x') }))).toContain('not_granted')
    expect(decision(await traefik('/other', { fields: told('GET', '/open/x') }))).toContain('not_granted')
  })
})

describe('the answer', () => {
  it('has status, challenge and problem body, but for nginx', async () => {
    const missing = await haproxy('/api/x', { token: '' })
    expect([missing.status, missing.headers['www-authenticate']]).toEqual([
      401,
      ['Bearer realm="https://orders.shop.svc"'],
    ])
    const denied = await haproxy('/api/x', { token: bob.token() })
    expect([denied.status, JSON.parse(denied.body).missing]).toEqual([403, 'GET /api/x'])
    expect((await haproxy('/api/../x')).status).toBe(400)
  })
  it.each([
    ['/api/x', '', 401, 401, 'credential_missing'],
    ['/other', undefined, 403, 403, 'not_granted'],
    ['/api/../x', undefined, 403, 400, 'path_malformed'],
  ])('for nginx, of %s, is 401 or 403 and tells all else in headers', async (target, token, status, real, code) => {
    const answer = await nginx(target, { token })
    expect([answer.status, answer.headers['latchkey-status']]).toEqual([status, [String(real)]])
    expect(JSON.parse(answer.headers['latchkey-problem']?.[0] ?? '')).toMatchObject({ status: real, code })
  })
  it('for nginx has its problem in ASCII: another character could be a line end as a byte', () => {
    const body = `${JSON.stringify({ missing: 'GET /\u00e9\u010d\u010a' })}\n`
    const { headers } = httpAnswer({ pass: false, answer: { status: 403, headers: [], body } }, 'Nginx')
    const told = headers[headers.indexOf('Latchkey-Problem') + 1] ?? ''
    expect(told).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(told)).toEqual(JSON.parse(body))
  })
  it('P32 gives the credential back only where the service keeps it, and only a proved one', async () => {
    rig.apply(rowsOf({ service: { keepCredential: 'Jwt' } }))
    const token = alice.token()
    expect((await nginx('/api/x', { token })).headers.authorization).toEqual([`Bearer ${token}`])
    expect((await nginx('/open/x', { token: 'a.b.c' })).headers.authorization).toBeUndefined()
    const removed = async () => (await envoy('/api/x')).headers['x-envoy-auth-headers-to-remove']?.[0]?.split(',')
    expect(await removed()).not.toContain('authorization')
    rig.apply(rowsOf())
    expect(await removed()).toContain('authorization')
  })
  it('P17 P18 names to Envoy every header that could pass for ours', async () => {
    const fields = ['Latchkey-Actor: x', 'latchkey_client: x', 'Latchkey.Roles: x', 'X-HTTP-Method-Override: x']
    const own = ['X-Request-Id: r', 'X-Envoy-Internal: true', 'X-Forwarded-For: 1.2.3.4']
    const answer = await envoy('/open/x', { token: '', fields: [...fields, ...own] })
    const removed = answer.headers['x-envoy-auth-headers-to-remove']?.[0]?.split(',') ?? []
    expect(removed).toEqual(
      expect.arrayContaining([
        'latchkey-client',
        'latchkey-actor',
        'latchkey_client',
        'latchkey.roles',
        'authorization',
      ]),
    )
    expect(removed).toContain('x-http-method-override')
    expect(removed.filter(name => /^x-(request|envoy|forwarded)/.test(name))).toEqual([])
  })
  it('lets through what audit mode lets through, and says what it would have done', async () => {
    rig.apply(rowsOf({ service: { mode: 'Audit' } }))
    const answer = await nginx('/other')
    expect([answer.status, decision(answer)]).toEqual([200, 'allow; reason=not_granted; mode=audit; by=guard'])
    await expect.poll(lastLine).toMatchObject({ decision: 'allow', reason: 'not_granted', wouldDeny: true })
    expect(await rig.metrics()).toContain('latchkey_authorizer_would_deny_total{guarded_service="shop/orders"} 1')
    expect((await nginx('/api/../x')).status).toBe(403)
  })
})

describe('P30 a service without a policy', () => {
  it('is denied alone, and keeps the process from being ready at first', async () => {
    const listed = peers.map(peer => ({ ...peer, services: ['shop/basket', 'shop/orders'] }))
    const two = await startAuthorizer({ peers: listed })
    const fields = told('GET', '/api/x')
    const ask = (of: string, name = 'haproxy') =>
      check({ path: `/check/shop/${of}`, secret: secretOf(name), fields }, two.http)
    const answer = await ask('basket')
    expect([answer.status, decision(answer)]).toEqual([503, 'deny; reason=policy_missing; by=guard'])
    expect((await ask('basket', 'nginx')).headers['latchkey-status']).toEqual(['503'])
    expect((await ask('orders')).status).toBe(200)
    const ready = await sendRaw(two.health, 'GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n')
    expect([ready.status, ready.body]).toEqual([503, 'policy_missing: no snapshot of shop/basket came yet\n'])
    expect(await two.metrics()).toContain('latchkey_authorizer_snapshot_age_seconds{guarded_service="shop/basket"} -1')
    await two.close()
  })
})

describe('a limit of a listener', () => {
  it.each([
    ['check', 'http'],
    ['health', 'health'],
  ] as const)('that is met at the port %s is counted there', async (server, port) => {
    const greedy = await openRaw(rig[port])
    greedy.send('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50))
    await greedy.closed()
    const counted = `latchkey_authorizer_limits_hit_total{server="${server}",limit="pipelined"} 1`
    await expect.poll(rig.metrics).toContain(counted)
  })
})

describe('a proxy that asks for a service with API keys', () => {
  const [{ keyId, hash, secret }] = knownSecrets
  const key = writeApiKey({ keyId, secret })
  const taking = rowsOf({
    service: { accepts: ['ClientToken', 'ApiKey'], apiKey: { header: 'x-api-key', query: 'api-key' } },
    alice: { secrets: [{ kid: keyId, accessKey: 'old-caller', kind: 'ApiKey', hash, notBefore: 0 }] },
  })
  const without = { token: undefined, secret: secretOf('envoy'), path: '/check/shop/orders/api/x' }
  beforeEach(() => rig.apply(taking))

  it('may let its client in by the header of the service', async () => {
    const answer = await check({ ...without, token: '', fields: [`X-Api-Key: ${key}`] })
    expect([answer.status, answer.headers['latchkey-client']]).toEqual([200, [alice.clientId]])
  })

  it('is told to take that header off, in every spelling', async () => {
    const fields = [`X-Api-Key: ${key}`, 'X_Api_Key: whatever', 'X-Api-Keys: passes']
    const answer = await check({ ...without, token: '', fields })
    const removed = answer.headers['x-envoy-auth-headers-to-remove']?.[0]?.split(',')
    expect(removed).toEqual(expect.arrayContaining(['x-api-key', 'x_api_key']))
    expect(removed).not.toContain('x-api-keys')
  })

  describe.each(['nginx', 'haproxy', 'traefik'])('and is %s', name => {
    const ask = (target: string, of: string | undefined, port?: number) =>
      check(
        {
          ...{ path: '/check/shop/orders', secret: secretOf(name), token: of === undefined ? alice.token() : '' },
          fields: [
            ...(name === 'traefik' ? [`X-Forwarded-Method: GET`, `X-Forwarded-Uri: ${target}`] : told('GET', target)),
            ...(of === undefined ? [] : [of]),
          ],
        },
        port,
      )
    const problemOf = ({ headers, body }: RawAnswer) => JSON.parse(headers['latchkey-problem']?.[0] ?? body)

    it.each([
      ['/api/x', `X-Api-Key: ${key}`],
      ['/open/x', `X-Api-Key: ${key}`],
      ['/open/x', 'X_Api_Key: whatever'],
    ])('is refused %s with %s, where it is not known to take that off', async (path, field) => {
      expect(problemOf(await ask(path, field))).toMatchObject({
        code: 'credential_unsupported',
        detail: expect.stringContaining('header x-api-key off before the app: keyHeaders of its peer'),
      })
    })

    it('is refused it in audit mode too: the app would see it', async () => {
      rig.apply(rowsOf({ service: { accepts: ['ApiKey'], apiKey: { header: 'x-api-key' }, mode: 'Audit' } }))
      expect(problemOf(await ask('/api/x', `X-Api-Key: ${key}`))).toMatchObject({ code: 'credential_unsupported' })
      expect((await ask('/api/x', undefined)).status).toBe(200)
    })

    it('lets a client in by Basic, and any call without that header', async () => {
      expect((await ask('/api/x', `Authorization: Basic ${key}`)).status).toBe(200)
      expect((await ask('/api/x', undefined)).status).toBe(200)
      expect((await ask('/open/x', 'X-Api-Keys: other')).status).toBe(200)
    })

    it('is refused a key in the query', async () => {
      expect(problemOf(await ask(`/open/x?api-key=${key}`, 'X-Other: y'))).toMatchObject({
        code: 'credential_ambiguous',
      })
    })
  })

  it('lets a client in by the header that nginx takes off, by whatever case its peer has it', async () => {
    const listed = peers.map(peer => (peer.name === 'nginx' ? { ...peer, keyHeaders: ['x-api-key'] } : peer))
    const other = await startAuthorizer({ peers: listed, rows: taking })
    const fields = [...told('GET', '/api/x'), `X-Api-Key: ${key}`]
    const answer = await check({ secret: secretOf('nginx'), token: '', fields }, other.http)
    expect([answer.status, answer.headers['latchkey-client']]).toEqual([200, [alice.clientId]])
    await other.close()
  })

  it.each(['/api/x', '/open/x'])('is not let on with a key in the query of %s: it would forward it', async path => {
    const answer = await check({ ...without, token: '', path: `/check/shop/orders${path}?api-key=${key}` })
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, 'credential_ambiguous'])
  })
})
