import { describe, expect, it } from 'vitest'
import type { Reference } from '../../../webhook/admission/checks/check.ts'
import { concludeObject, examineObject, type FindMissing } from '../../../webhook/admission/checks/validate-object.ts'
import type { AdmissionRequest } from '../../../webhook/admission/review.ts'
import { looseTimes, readTimes } from '../../builders/times.ts'

const now = Date.parse('2027-01-01T00:00:00Z') / 1000
const good = 'MCowBQ'

const request = (kind: string, spec: unknown, more: Partial<AdmissionRequest> = {}): AdmissionRequest => ({
  uid: 'u-1',
  kind: { group: 'latchkey.dev', kind },
  operation: 'CREATE',
  namespace: 'shop',
  name: 'thing',
  object: { metadata: { name: 'thing' }, spec },
  ...more,
})
const known = async () => []
const validateObject = async (asked: AdmissionRequest, at: number, missing: FindMissing) => {
  const examined = examineObject(asked, at)
  return 'allowed' in examined ? examined : concludeObject(examined, missing, async () => false)
}
const validate = (kind: string, spec: unknown, more?: Partial<AdmissionRequest>) =>
  validateObject(request(kind, spec, more), now, known)
const message = async (kind: string, spec: unknown) => {
  const verdict = await validate(kind, spec)
  return verdict.allowed ? 'allowed' : verdict.message
}

const ed25519 = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
const service = { targetRef: { name: 'orders', port: 80 } }
const route = (name: string, path: string, methods = ['GET']) => ({ name, path, methods })
const rule = (more: object) => ({ rules: [{ services: ['orders'], ...more }] })
const byPath = (...paths: string[]) => ({ methods: ['GET'], paths })

describe('a good spec passes', () => {
  it.each<[string, unknown]>([
    ['ApiClient', { clientId: 'shop.checkout' }],
    ['AccessKey', { clientRef: { name: 'a' }, publicKey: ed25519 }],
    ['AccessKey', { clientRef: { name: 'a' }, validity: '2160h' }],
    ['Role', rule({ ...byPath('/a/{tenant}'), when: [{ attributeEquals: { param: 'tenant', attribute: 't' } }] })],
    ['Role', rule({ permissions: [{ action: 'read', resources: ['orders/{id}', '**'] }] })],
    ['AccessGrant', { roleRef: { name: 'r' }, clients: [{ namespace: 'a', name: 'b' }] }],
    ['GuardedService', { ...service, routes: [route('one', '/a/{id}'), route('two', '/a/b')] }],
    [
      'GuardedService',
      { ...service, routes: [{ ...route('a', '/a/{tenant}'), tags: { kind: 'a', t: '{tenant}', pci: '' } }] },
    ],
    ['GuardedService', { ...service, routes: [{ ...route('a', '/a'), tags: {} }] }],
    ['GuardedService', { ...service, public: [{ path: '/a' }, { path: '/a', methods: ['POST'] }] }],
  ])('%s %#', async (kind, spec) => {
    expect(await validate(kind, spec)).toEqual({ allowed: true, warnings: [] })
  })
})

const given = { roleRef: { name: 'r' }, clients: [{ namespace: 'a', name: 'b' }] }

describe.each<[string, string, (time: string) => object]>([
  ['spec.expiresAt', 'AccessKey', expiresAt => ({ clientRef: { name: 'a' }, expiresAt })],
  ['spec.keysNotBefore', 'AccessKey', keysNotBefore => ({ clientRef: { name: 'a' }, keysNotBefore })],
  ['spec.rotation.requestedAt', 'AccessKey', requestedAt => ({ clientRef: { name: 'a' }, rotation: { requestedAt } })],
  ['spec.expiresAt', 'AccessGrant', expiresAt => ({ ...given, expiresAt })],
])('%s of an %s', (field, kind, specOf) => {
  it.each([...looseTimes, 'now', ''])('is refused with %o', async time => {
    expect(await message(kind, specOf(time))).toBe(
      `${field}: is not an RFC 3339 time; write it as in 2027-01-31T12:00:00Z`,
    )
  })
  it.each(Object.keys(readTimes))('is taken with %s', async time => {
    expect(await message(kind, specOf(time))).toBe('allowed')
  })
})

it.each([
  ['spec.secretName', { secretName: 'a'.repeat(248) }, 'a'.repeat(253), true],
  ['metadata.name', {}, 'a'.repeat(248), true],
  ['metadata.name', {}, 'a'.repeat(249), false],
  ['no name at all, for an own key needs no Secret', { publicKey: ed25519 }, 'a'.repeat(253), true],
])('a name has room for that of the next key: %s', async (field, spec, name, allowed) => {
  const verdict = await validate('AccessKey', { clientRef: { name: 'a' }, ...spec }, { name })
  expect(verdict.allowed).toBe(allowed)
  if (!verdict.allowed) expect(verdict.message).toContain(`${field}: the Secret of the next key`)
})

describe('a spec that cannot work is refused, with the field and the remedy', () => {
  it('J15 a public key of small order', async () => {
    const publicKey = { ...ed25519, x: 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }
    expect(await validate('AccessKey', { clientRef: { name: 'a' }, publicKey })).toEqual({
      allowed: false,
      code: 422,
      message: 'spec.publicKey: The key is a point of small order, with which anybody can sign. Make a new key pair.',
      causes: [
        {
          field: 'spec.publicKey',
          message: 'The key is a point of small order, with which anybody can sign. Make a new key pair.',
        },
      ],
    })
  })

  it('J27 a key that holds a private member', async () => {
    const spec = { clientRef: { name: 'a' }, publicKey: { ...ed25519, d: good } }
    expect(await message('AccessKey', spec)).toMatch(/^spec\.publicKey: The key holds the private member d\./)
  })

  it.each<[string, string, unknown, string]>([
    [
      'a label that the API server would refuse on the Secret',
      'AccessKey',
      { clientRef: { name: 'a' }, secretTemplate: { labels: { 'my team': 'a' } } },
      'spec.secretTemplate.labels.my team: Invalid key in record',
    ],
    [
      'a validity beyond any life',
      'AccessKey',
      { clientRef: { name: 'a' }, validity: '1999999h' },
      'spec.validity: must be between 1h and 878400h (100 years), for example 2160h',
    ],
    [
      'a secretName without room for the next key',
      'AccessKey',
      { clientRef: { name: 'a' }, secretName: 'a'.repeat(249) },
      'spec.secretName: the Secret of the next key has this name with -next behind it, and Kubernetes takes 253 characters; use at most 248',
    ],
    [
      'a validity of minutes',
      'AccessKey',
      { clientRef: { name: 'a' }, validity: '5m' },
      'spec.validity: must be between 1h and 878400h (100 years), for example 2160h',
    ],
    [
      'two routes that tie',
      'GuardedService',
      { ...service, routes: [route('one', '/a/{id}'), route('two', '/a/{name}', ['GET', 'POST'])] },
      'spec.routes: the routes one (/a/{id}) and two (/a/{name}) match the same requests equally well; change the path or the methods of one',
    ],
    [
      'a permission that takes what the path does not have',
      'GuardedService',
      { ...service, routes: [{ ...route('one', '/a/{id}'), permission: { action: 'read', resource: 'a/{name}' } }] },
      'spec.routes[0].permission.resource: names {name}, which the path /a/{id} does not have; add it there or write a literal',
    ],
    [
      'a tag that takes what the path does not have',
      'GuardedService',
      { ...service, routes: [{ ...route('one', '/a/{id}'), tags: { tenant: '{tenant}' } }] },
      'spec.routes[0].tags.tenant: names {tenant}, which the path /a/{id} does not have; add it there or write a text',
    ],
    [
      'tags of a form that the schema cannot refuse',
      'GuardedService',
      { ...service, routes: [{ ...route('one', '/a'), tags: 'pci' }] },
      'spec.routes[0].tags: expected a map, as in {kind: orders, tenant: "{tenant}"}',
    ],
    [
      'a public path given twice',
      'GuardedService',
      { ...service, public: [{ path: '/a' }, { path: '/b' }, { path: '/a', methods: ['HEAD'] }] },
      'spec.public[2]: repeats HEAD /a of spec.public[0]; remove one',
    ],
    [
      'a comparison with a name one path lacks',
      'Role',
      rule({ ...byPath('/a/{tenant}', '/b'), when: [{ attributeEquals: { param: 'tenant', attribute: 't' } }] }),
      'spec.rules[0].when[0].attributeEquals.param: names {tenant}, which spec.rules[0].paths[1] does not have; every template of the rule needs it',
    ],
    [
      'a comparison with a name one resource lacks',
      'Role',
      rule({
        permissions: [{ action: 'read', resources: ['a/{org}', 'b'] }],
        when: [{ scopeContains: { scope: 'x' } }, { organizationEquals: { param: 'org' } }],
      }),
      'spec.rules[0].when[1].organizationEquals.param: names {org}, which spec.rules[0].permissions[0].resources[1] does not have; every template of the rule needs it',
    ],
    [
      'a window in a time zone that does not exist',
      'AccessKey',
      {
        clientRef: { name: 'a' },
        rotation: {
          windows: ['Europe/Berlin', 'Europe/Atlantis'].map(timeZone => ({ start: '02:00', duration: '1h', timeZone })),
        },
      },
      'spec.rotation.windows[1].timeZone: is no time zone of the IANA database. Correct it, for example Europe/Berlin.',
    ],
    ['a field this version does not know', 'ApiClient', { colour: 'red' }, 'spec: Unrecognized key: "colour"'],
  ])('%s', async (_, kind, spec, expected) => {
    expect(await message(kind, spec)).toBe(expected)
  })

  it.each(['/a/%73ecret', '/a/../b', '/a//b', '/a/{id}/{id}'])(
    'P35 a template that is not in the one normal form: %s',
    async path => {
      expect(await message('Role', rule(byPath('/ok', path)))).toMatch(/^spec\.rules\[0\]\.paths\[1\]: ./)
      expect(await message('GuardedService', { ...service, routes: [route('a', path)] })).toMatch(
        /^spec\.routes\[0\]\.path: ./,
      )
      expect(await message('GuardedService', { ...service, public: [{ path }] })).toMatch(/^spec\.public\[0\]\.path: ./)
    },
  )
})

describe('what may be meant passes with a warning', () => {
  it.each<[string, unknown, string]>([
    [
      'AccessKey',
      { clientRef: { name: 'a' }, expiresAt: '2026-12-31T23:59:59Z' },
      'spec.expiresAt: is in the past; this gives nothing until it is moved ahead',
    ],
    [
      'AccessGrant',
      { roleRef: { name: 'r' }, clients: [{ namespace: 'a', name: 'b' }], expiresAt: '2027-01-01T00:00:00Z' },
      'spec.expiresAt: is in the past; this gives nothing until it is moved ahead',
    ],
    [
      'GuardedService',
      { ...service, routes: [route('a', '/a'), { ...route('b', '/b'), tags: ['pci'] }] },
      'spec.routes[1].tags: a list is read as words without a value, in this release only; write a map, as in {kind: orders}',
    ],
    [
      'AccessKey',
      { clientRef: { name: 'a' }, keysNotBefore: '2027-01-01T00:00:01Z' },
      'spec.keysNotBefore: is in the future; every key minted before then is refused',
    ],
  ])('%s %#', async (kind, spec, warning) => {
    expect(await validate(kind, spec)).toEqual({ allowed: true, warnings: [warning] })
  })

  it.each<[string, unknown, string[]]>([
    [
      'ApiClient',
      { serviceAccounts: [{ name: 'checkout' }] },
      [
        'spec.serviceAccounts[0].name: there is no ServiceAccount shop/checkout yet that you may get; it counts from when it exists',
      ],
    ],
    [
      'AccessKey',
      { clientRef: { name: 'a' }, roles: [{ namespace: 'x', name: 'r' }] },
      [
        'spec.clientRef.name: there is no ApiClient shop/a yet that you may get; it counts from when it exists',
        'spec.roles[0]: there is no Role x/r yet that you may get; it counts from when it exists',
      ],
    ],
    [
      'AccessGrant',
      { roleRef: { name: 'r' }, clients: [{ namespace: 'a', name: 'b' }] },
      [
        'spec.roleRef.name: there is no Role shop/r yet that you may get; it counts from when it exists',
        'spec.clients[0]: there is no ApiClient a/b yet that you may get; it counts from when it exists',
      ],
    ],
    [
      'Role',
      rule(byPath('/')),
      [
        'spec.rules[0].services[0]: there is no GuardedService shop/orders yet that you may get; it counts from when it exists',
      ],
    ],
  ])('a name that is not there yet, for Git applies in any order: %s', async (kind, spec, warnings) => {
    const allMissing = async (references: readonly Reference[]) =>
      references.map(reference => ({ reference, what: 'object' as const }))
    expect(await validateObject(request(kind, spec), now, allMissing)).toEqual({ allowed: true, warnings })
  })

  it('a port that its Service does not have: a typing error that would otherwise be seen in the status only', async () => {
    const noPort = async (references: readonly Reference[]) =>
      references.map(reference => ({ reference, what: 'port' as const, ports: ['80 (http)', '9090'] }))
    const spec = { targetRef: { name: 'orders', port: 81 } }
    expect(await validateObject(request('GuardedService', spec), now, noPort)).toMatchObject({
      allowed: true,
      warnings: [
        'spec.targetRef: the Service shop/orders has no port 81; it has 80 (http), 9090; the status says TargetNotFound until the port is there, and guards that the service has, or gets, decide by the policy all the same',
      ],
    })
  })
})

describe('what an update does to pods that run is told before it fails calls', () => {
  const saying = (...messages: string[]) => ({ conditions: messages.map(message => ({ type: 'Enforced', message })) })
  const exposed = 'The app listens beyond loopback in web-1 (0.0.0.0:8080), web-2 ([::]:8080); more follows.'
  const warningsOf = async (spec: object, status: unknown, before: object = { ...service, directAccess: 'Report' }) => {
    const object = { spec: { ...service, ...spec } }
    const verdict = await validate('GuardedService', undefined, {
      operation: 'UPDATE',
      object,
      oldObject: { spec: before, status },
    })
    return verdict.allowed ? verdict.warnings : verdict.message
  }
  const warning =
    'spec.directAccess: Refuse keeps pods whose app listens beyond loopback out of the Service at once: web-1 (0.0.0.0:8080), web-2 ([::]:8080). Set Report until the condition Enforced names none'

  it.each<[string, object, string]>([
    ['set', { directAccess: 'Refuse' }, exposed],
    ['left out, which is the same', {}, exposed],
    ['left beside another change', { directAccess: 'Refuse', mode: 'Audit' }, exposed],
    ['set while the Service does not lead to the guard either', {}, `Something else. ${exposed}`],
    ['set after an upgrade', {}, exposed.replace('; more follows', '. Let it listen on 127.0.0.1')],
  ])('directAccess: Refuse, %s', async (_, spec, told) => {
    expect(await warningsOf(spec, saying('The policy is published.', told))).toEqual([warning])
  })

  it.each<[string, object, unknown]>([
    ['Report', { directAccess: 'Report', mode: 'Audit' }, saying(exposed)],
    ['pods that listen on loopback', {}, saying('Every pod has a guard that holds the policy.')],
    ['a status that is none', {}, { conditions: [7, { message: 7 }, null] }],
    ['no status', {}, undefined],
  ])('not for %s', async (_, spec, status) => {
    expect(await warningsOf(spec, status)).toEqual([])
  })
})

describe('what is none of our business passes unread', () => {
  const broken = { rules: 7 }
  it('an update that leaves the spec as it is, so that a stricter rule blocks no status, finalizer or label', async () => {
    const object = { metadata: { finalizers: [] }, spec: broken }
    const oldObject = { metadata: { finalizers: ['x'] }, spec: broken }
    expect(await validate('Role', undefined, { operation: 'UPDATE', object, oldObject })).toEqual({ allowed: true })
    expect(await validate('Role', undefined, { operation: 'UPDATE', object, oldObject: { spec: {} } })).toMatchObject({
      allowed: false,
    })
  })

  it.each<[string, Partial<AdmissionRequest>]>([
    ['DELETE', { operation: 'DELETE' }],
    ['a subresource', { operation: 'UPDATE', subResource: 'status' }],
    ['another group', { kind: { group: 'rbac.authorization.k8s.io', kind: 'Role' } }],
    ['a kind we do not know', { kind: { group: 'latchkey.dev', kind: 'Future' } }],
  ])('%s', async (_, more) => {
    expect(await validate('Role', broken, more)).toEqual({ allowed: true })
  })

  it('but an object that is missing is refused', async () => {
    expect(await validate('Role', undefined, { object: null })).toMatchObject({ allowed: false, code: 400 })
  })
})
