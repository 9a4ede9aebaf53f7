import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { crdOf } from '../../../core/api/crd.ts'
import { kinds } from '../../../core/api/kinds.ts'
import { createKubeClient, type KubeClient, type KubeObject } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { apiRequests } from '../api-request.ts'
import { workerControlPlane } from '../worker-control-plane.ts'
import { faultsOf, type Schema } from './field-faults.ts'
import { broughtKey, resourceOf, type Sample, sampleOf } from './samples.ts'
import { sentences } from './sentences.ts'

type Kind = keyof typeof resourceOf
let plane: ControlPlane
let client: KubeClient
let api: ReturnType<typeof apiRequests>

beforeAll(async () => {
  plane = await workerControlPlane()
  client = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
  api = apiRequests(plane.kubeconfig)
})
afterAll(async () => {
  api?.close()
  await client?.close()
  await plane?.stop()
})

const create = (sample: Sample, dryRun = true) =>
  client.create(resourceOf[sample.kind as Kind], sample as unknown as KubeObject, { dryRun })
const collection = (sample: Sample) =>
  `/apis/latchkey.dev/v1alpha1/namespaces/default/${resourceOf[sample.kind as Kind].plural}`
const refusalOf = async (sample: Sample): Promise<string> => {
  const answer = await api.send('POST', `${collection(sample)}?dryRun=All`, sample)
  return answer.status < 300 ? 'accepted' : `${answer.status} ${answer.body.message}`
}
const refusalOfUpdate = async (sample: Sample): Promise<string> => {
  const answer = await api.send('PUT', `${collection(sample)}/${sample.metadata.name}`, sample)
  return answer.status < 300 ? 'accepted' : `${answer.status} ${answer.body.message}`
}
const specSchema = (kind: string): Schema => {
  const definition = kinds.find(one => one.kind === kind)
  if (!definition) throw new Error(kind)
  const crd = crdOf(definition) as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Schema } } } }[] }
  }
  return crd.spec.versions[0]?.schema.openAPIV3Schema.properties.spec ?? {}
}

describe.each(kinds.map(kind => kind.kind))('%s', kind => {
  it('is accepted with every field set, and says which fields are defaults', async () => {
    await expect(create(sampleOf(kind))).resolves.toBeDefined()
  })

  it('refuses each field that is of a wrong type, too long, out of its list or missing, and names it', async () => {
    const faults = [
      ...faultsOf(specSchema(kind), sampleOf(kind).spec),
      ...(kind === 'AccessKey'
        ? faultsOf(specSchema(kind), broughtKey().spec).filter(fault => fault.field.startsWith('spec.publicKey'))
        : []),
    ]
    expect(faults.length).toBeGreaterThan(5)
    for (const fault of faults) {
      const sample = fault.field.startsWith('spec.publicKey') ? broughtKey() : sampleOf(kind)
      fault.spoil(sample.spec)
      const refusal = await refusalOf(sample)
      expect(refusal, `${fault.field} with ${fault.what}`).toMatch(/^(422|400) /)
      expect(refusal, `${fault.field} with ${fault.what}`).toContain(fault.field.replace(/\[\d+\]$/, ''))
    }
  })
})

describe('what kubectl prints first is a sentence', () => {
  it.each(sentences)('%s', async (_, kind, spec, words) => {
    const refusal = await refusalOf({ ...sampleOf(kind), spec } as Sample)
    expect(refusal).toMatch(/^422 /)
    const [, first] = /is invalid: \[?(.*)$/s.exec(refusal) ?? []
    // The API server shows no value of a list.
    expect(first?.split(words)[0], refusal).toMatch(/^spec[^ ]*: Invalid value: (?:"[^"]*": )?$/)
    expect(refusal).not.toContain('should match')
  })
})

type Change = (spec: Record<string, unknown>) => void
const sets =
  (values: Record<string, unknown>): Change =>
  spec =>
    void Object.assign(spec, values)

/** CEL rules on one object: kind, what is wrong, change, part of the message. */
const onCreate: readonly (readonly [Kind | 'brought', string, Change, string])[] = [
  [
    'ApiClient',
    'another identity of a chosen id',
    sets({ identity: 2 }),
    'a chosen clientId cannot get another identity',
  ],
  ['AccessKey', 'a static secret for no service', sets({ type: 'StaticSecret' }), 'services must name the services'],
  ['AccessKey', 'an API key for no service', sets({ type: 'ApiKey' }), 'services must name the services'],
  [
    'AccessKey',
    'a key pair for one service',
    sets({ services: [{ namespace: 'shop', name: 'orders' }] }),
    'services has a meaning with type StaticSecret and ApiKey only',
  ],
  ['brought', 'a public key of a secret', sets({ type: 'ClientSecret' }), 'publicKey is of a KeyPair'],
  [
    'AccessKey',
    'an algorithm of a secret',
    sets({ type: 'ClientSecret', algorithm: 'ES256' }),
    'algorithm is of a KeyPair',
  ],
  ['AccessKey', 'a rotation every minute', sets({ rotation: { every: '1m' } }), 'every must be at least 1h'],
  [
    'AccessKey',
    'an overlap as long as every',
    sets({ rotation: { every: '24h', overlap: '24h' } }),
    'overlap must be shorter than every',
  ],
  [
    'AccessKey',
    'a window that never opens',
    sets({ rotation: { windows: [{ start: '02:00', duration: '0s' }] } }),
    'or it never opens',
  ],
  [
    'AccessKey',
    'a window at no time of day',
    sets({ rotation: { windows: [{ start: '24:00', duration: '1h' }] } }),
    'a time of day has hours and minutes',
  ],
  [
    'AccessKey',
    'a window in no time zone',
    sets({ rotation: { windows: [{ start: '02:00', duration: '1h', timeZone: '+02:00' }] } }),
    'a time zone has a name',
  ],
  [
    'AccessKey',
    'every as long as validity',
    sets({ validity: '240h', rotation: { every: '240h' } }),
    'rotation.every must be shorter than validity',
  ],
  [
    'AccessKey',
    'an overlap as long as validity',
    sets({ validity: '240h', rotation: { overlap: '240h' } }),
    'rotation.overlap must be shorter than validity',
  ],
  [
    'brought',
    'a rotation of an own key',
    sets({ rotation: { every: '24h' } }),
    'rotation has no meaning with publicKey',
  ],
  [
    'AccessKey',
    'validity and expiresAt',
    sets({ expiresAt: '2030-01-01T00:00:00Z' }),
    'set validity or expiresAt, not both',
  ],
  [
    'AccessKey',
    'a name of a label that the API server would refuse on the Secret',
    sets({ secretTemplate: { labels: { 'my team': 'a' } } }),
    'labels must have names that Kubernetes takes',
  ],
  [
    'AccessKey',
    'an annotation without a name',
    sets({ secretTemplate: { annotations: { 'example.com/': 'a' } } }),
    'annotations must have names that Kubernetes takes',
  ],
  ['AccessKey', 'a validity of a minute', sets({ validity: '1m' }), 'validity must be at least 1h'],
  [
    'brought',
    'a private member',
    spec => void Object.assign(spec.publicKey as object, { d: 'c2VjcmV0' }),
    'treat that key as leaked',
  ],
  ['brought', 'a Secret name', sets({ secretName: 'x' }), 'secretName has no meaning with publicKey'],
  ['brought', 'another algorithm', sets({ algorithm: 'ES256' }), 'publicKey does not fit algorithm'],
  [
    'Role',
    'a rule of both forms',
    spec =>
      void Object.assign((spec.rules as object[])[0] as object, {
        permissions: [{ action: 'read', resources: ['x'] }],
      }),
    'either methods and paths, or permissions',
  ],
  [
    'Role',
    'an empty comparison',
    spec => void Object.assign((spec.rules as object[])[0] as object, { when: [{}] }),
    'exactly one of attributeEquals',
  ],
  ['AccessGrant', 'a limit of no call', sets({ limit: { requests: 0, per: '1m' } }), 'greater than or equal to 1'],
  ['AccessGrant', 'a limit without a time', sets({ limit: { requests: 5 } }), 'Required value'],
  ['AccessGrant', 'a limit within no time', sets({ limit: { requests: 5, per: '0s' } }), 'per must be between'],
  ['AccessGrant', 'a limit within a month', sets({ limit: { requests: 5, per: '720h' } }), 'per must be between'],
  ['AccessGrant', 'a limit within a word', sets({ limit: { requests: 5, per: 'day' } }), 'a duration has hours'],
  ['AccessGrant', 'actFor Any', sets({ actFor: 'Any' }), 'actFor must be None'],
  [
    'AccessGrant',
    'an attribute with a long name',
    sets({ attributes: { ['k'.repeat(64)]: 'v' } }),
    'attribute names have 1 to 63 characters',
  ],
  [
    'AccessGrant',
    'an attribute whose name JSON writes with an escape',
    sets({ attributes: { 'a"b': 'v' } }),
    'attribute names have 1 to 63 characters',
  ],
  [
    'Role',
    'an attribute that no grant can have',
    spec =>
      void Object.assign((spec.rules as object[])[0] as object, {
        when: [{ attributeEquals: { param: 'tenant', attribute: 'a<b' } }],
      }),
    'attribute',
  ],
  [
    'GuardedService',
    'routes and openapi',
    sets({ openapi: { configMapRef: { name: 'x' } } }),
    'set routes or openapi, not both',
  ],
  [
    'GuardedService',
    'a place of API keys that are not taken',
    sets({ apiKey: { header: 'X-Api-Key' } }),
    'apiKey has no meaning unless accepts names ApiKey',
  ],
  [
    'GuardedService',
    'a place of API keys that is none',
    sets({ accepts: ['ApiKey'], apiKey: {} }),
    'apiKey names a header, a query parameter, or both',
  ],
  [
    'GuardedService',
    'API keys in the header of cookies',
    sets({ accepts: ['ApiKey'], apiKey: { header: 'COOKIE' } }),
    'this header means something else',
  ],
  [
    'GuardedService',
    'API keys in the parameter of bearer tokens',
    sets({ accepts: ['ApiKey'], apiKey: { query: 'Access_Token' } }),
    'access_token is the parameter of bearer tokens',
  ],
  [
    'GuardedService',
    'a staleness of a year',
    sets({ maxStaleness: '8760h' }),
    'maxStaleness must be between 1m and 720h',
  ],
  [
    'GuardedService',
    'tokens that live for two hours',
    sets({ oauth: { accessTokenLifetime: '2h' } }),
    'accessTokenLifetime must be between 1m and 1h',
  ],
]

/** CEL transition rules: kind, what changes, change, part of the message. */
const onUpdate: readonly (readonly [Kind | 'brought', string, Change, string])[] = [
  ['ApiClient', 'clientId', sets({ clientId: 'default.other' }), 'clientId is immutable'],
  ['AccessKey', 'clientRef', sets({ clientRef: { name: 'other' } }), 'clientRef is immutable'],
  ['AccessKey', 'algorithm', sets({ algorithm: 'RS256' }), 'algorithm is immutable'],
  ['AccessKey', 'type', sets({ type: 'ClientSecret' }), 'type is immutable'],
  ['AccessKey', 'secretName', sets({ secretName: 'other' }), 'secretName is immutable'],
  ['brought', 'publicKey away', spec => void delete spec.publicKey, 'publicKey cannot be added or removed later'],
  ['AccessGrant', 'roleRef', sets({ roleRef: { name: 'other' } }), 'roleRef is immutable'],
]

const make = (kind: Kind | 'brought') => (kind === 'brought' ? broughtKey() : sampleOf(kind))

describe('rules that look at one object', () => {
  it.each(onCreate)('refuse %s with %s', async (kind, _what, change, message) => {
    const sample = make(kind)
    change(sample.spec)
    expect(await refusalOf(sample)).toContain(message)
  })
})

describe('what leads into another namespace', () => {
  it('K01 is none for what a spec names in its own: the API server takes no namespace there', async () => {
    const cases: [Kind, object][] = [
      ['GuardedService', { openapi: { configMapRef: { name: 'api', namespace: 'victim' } }, routes: undefined }],
      ['GuardedService', { targetRef: { name: 'api', port: 80, namespace: 'victim' } }],
      ['AccessKey', { clientRef: { name: 'web', namespace: 'victim' } }],
      ['AccessGrant', { roleRef: { name: 'reader', namespace: 'victim' } }],
    ]
    for (const [kind, change] of cases) {
      const sample = sampleOf(kind)
      Object.assign(sample.spec, change)
      const at = `${collection(sample)}?dryRun=All&fieldValidation=Strict`
      const { status, body } = await api.send('POST', at, sample)
      expect([kind, status, body.message]).toEqual([kind, 400, expect.stringContaining('namespace"')])
      const stored = (await create(sample)) as unknown as Sample
      expect(JSON.stringify(stored.spec)).not.toContain('victim')
    }
  })

  it.each(['*', ''])('K04 is one namespace by its name: %j is none', async namespace => {
    const named = [{ namespace, name: 'checkout' }]
    const cases: [Kind, object][] = [
      ['AccessGrant', { clients: named }],
      ['AccessKey', { roles: named }],
    ]
    for (const [kind, change] of cases) {
      const sample = sampleOf(kind)
      Object.assign(sample.spec, change)
      expect(await refusalOf(sample)).toMatch(/^422 .*namespace/)
    }
  })
})

describe('a public key of one’s own', () => {
  it.each<[string, Record<string, unknown>]>([
    ['WebCrypto', { key_ops: ['verify'], ext: true }],
    ['a vault', { kid: `https://vault.example/keys/${'k'.repeat(200)}`, key_ops: ['sign', 'verify'] }],
    ['an identity provider', { use: 'sig', alg: 'EdDSA', kid: '1', x5c: ['MIIB'], x5t: 'abc', 'x5t#S256': 'abc' }],
    ['a certificate authority', { x5u: 'https://ca.example/1.pem' }],
  ])('is taken as %s gives it', async (_, members) => {
    const sample = broughtKey()
    Object.assign(sample.spec.publicKey as object, members)
    const answer = await api.send('POST', `${collection(sample)}?dryRun=All&fieldValidation=Strict`, sample)
    expect([answer.status, answer.body.message]).toEqual([201, undefined])
  })
})

describe('rules that look at a change', () => {
  it.each(onUpdate)('refuse to change %s %s', async (kind, what, change, message) => {
    const sample = make(kind)
    sample.metadata.name = `change-${what.toLowerCase().replaceAll(' ', '-')}`
    const stored = (await create(sample, false)) as unknown as Sample
    change(stored.spec)
    expect(await refusalOfUpdate(stored)).toContain(message)
  })

  it('let an identity go up and never down, also where it is left out again', async () => {
    const sample = sampleOf('ApiClient')
    sample.metadata.name = 'identities'
    delete sample.spec.clientId
    delete sample.spec.identity
    let stored = (await create(sample, false)) as unknown as Sample
    expect(stored.spec).not.toHaveProperty('identity')
    for (const identity of [1, 2, 5]) {
      stored.spec.identity = identity
      stored = (await client.update(resourceOf.ApiClient, stored as unknown as KubeObject)) as unknown as Sample
    }
    for (const identity of [4, 1, undefined]) {
      const lowered = structuredClone(stored)
      lowered.spec.identity = identity
      expect(await refusalOfUpdate(lowered)).toContain('identity only goes up')
    }
    for (const identity of [0, -1, 1_001, 2.5, '2']) {
      expect(await refusalOf({ ...sample, spec: { identity } })).toContain('spec.identity')
    }
  })

  it('never take a revocation back, whatever Git says', async () => {
    const sample = sampleOf('AccessKey')
    sample.metadata.name = 'leaked'
    sample.spec.revoked = { reason: 'leaked' }
    const stored = (await create(sample, false)) as unknown as Sample
    delete stored.spec.revoked
    expect(await refusalOfUpdate(stored)).toContain('revoked cannot be taken back')
  })

  it('are all proved here: every message in the schemas has a case', () => {
    const messages = kinds.flatMap(({ kind }) =>
      [...JSON.stringify(specSchema(kind)).matchAll(/"message":"((?:[^"\\]|\\.)*)"/g)].map(match => match[1] ?? ''),
    )
    const proved = [...onCreate, ...onUpdate, ...sentences]
      .map(([, , , message]) => message)
      .concat('revoked cannot be taken back', 'identity only goes up')
    expect(messages.filter(message => !proved.some(part => message.includes(part)))).toEqual([])
  })
})

describe('names', () => {
  it('belong to no built-in kind, but for roles, which is always written in full', () => {
    const builtIn = [
      'role',
      'secret',
      'service',
      'pod',
      'sa',
      'svc',
      'cm',
      'ns',
      'no',
      'po',
      'ep',
      'rs',
      'sts',
      'ds',
      'deploy',
      'ing',
      'pv',
      'pvc',
      'sc',
      'crd',
      'csr',
      'pdb',
      'hpa',
      'quota',
      'limits',
      'netpol',
      'ev',
      'cj',
      'rc',
      'pc',
      'cs',
    ]
    const ours = kinds.flatMap(kind => [kind.plural, kind.singular, ...kind.shortNames])
    expect(ours.filter(name => builtIn.includes(name.replace(/s$/, '')) || builtIn.includes(name))).toEqual([
      'roles',
      'role',
    ])
  })

  it('are listed together by their category', async () => {
    const found = await client.raw<{ resources: { name: string; categories?: string[] }[] }>(
      'GET',
      '/apis/latchkey.dev/v1alpha1',
    )
    const listed = found.resources
      .filter(resource => resource.categories?.includes('latchkey'))
      .map(resource => resource.name)
    expect(listed.sort()).toEqual(kinds.map(kind => kind.plural).sort())
  })
})
