import { describe, expect, it } from 'vitest'
import { kinds } from '../../../../core/api/kinds.ts'
import { checkManifest } from '../../../../core/registry/check-manifest.ts'
import { serverRules, specSchema } from '../../../../core/registry/server-rules.ts'

const apiVersion = 'latchkey.dev/v1alpha1'
const mistakesOf = (kind: string, spec: object) => {
  const checked = checkManifest({ apiVersion, kind, metadata: { name: 'a' }, spec })
  return 'mistakes' in checked ? checked.mistakes.join(' ') : undefined
}
const targetRef = { name: 'a', port: 80 }
const route = { name: 'a', path: '/a', methods: ['GET'] }
const rule = { services: ['a'], methods: ['GET'], paths: ['/a'] }
const clientRef = { name: 'a' }
const okp = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
const grant = { roleRef: { name: 'a' }, clients: [{ namespace: 'a', name: 'a' }] }

/** Every rule of a schema, however deep. */
function rulesOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { 'x-kubernetes-validations': own = [] } = schema as { 'x-kubernetes-validations'?: { rule: string }[] }
  return [...own.map(({ rule: text }) => text), ...Object.values(schema).flatMap(rulesOf)]
}

const keyServices = [{ namespace: 'shop', name: 'orders' }]

describe('what an API server refuses is refused without one (S08)', () => {
  it('by all of its rules', () => {
    // The schemas of names, texts and lists say these as well.
    const byName = /^self\.all\(key, |^!?self\.matches\(r"[^"]+"\)$|^size\(self\) > 0$/
    const rules = kinds.flatMap(kind => rulesOf(specSchema(kind))).filter(text => !text.includes('oldSelf'))
    const known = new Set(Object.keys(serverRules))
    expect(rules.filter(text => !known.has(text) && !byName.test(text))).toEqual([])
    expect([...known].filter(text => !rules.includes(text))).toEqual([])
  })

  it('by the form of tags, which no schema has', () => {
    const withTags = (tags: unknown) => mistakesOf('GuardedService', { targetRef, routes: [{ ...route, tags }] })
    expect(withTags({ kind: 'a' })).toBeUndefined()
    expect(withTags(['pci', 'b'])).toBeUndefined()
    expect(withTags(['pci', 'pci'])).toBe('GuardedService a: spec.routes[0].tags: a word stands in the list twice')
    expect(withTags({ kind: 1 })).toContain('spec.routes[0].tags: the value of kind is no text')
  })

  it.each([
    [
      'GuardedService',
      { targetRef, routes: [route], openapi: { configMapRef: { name: 'a' } } },
      'spec: set routes or openapi',
    ],
    [
      'GuardedService',
      { targetRef, apiKey: { header: 'X-Api-Key' } },
      'spec.apiKey: apiKey has no meaning unless accepts names ApiKey',
    ],
    ['GuardedService', { targetRef, accepts: ['ApiKey'], apiKey: {} }, 'spec.apiKey: apiKey names a header'],
    ['GuardedService', { targetRef, accepts: ['ApiKey'], apiKey: { header: 'Cookie' } }, 'spec.apiKey.header: this'],
    [
      'GuardedService',
      { targetRef, accepts: ['ApiKey'], apiKey: { query: 'Access_Token' } },
      'spec.apiKey.query: access_token is',
    ],
    ['GuardedService', { targetRef, maxStaleness: '30s' }, 'spec.maxStaleness: maxStaleness must be'],
    ['GuardedService', { targetRef, maxStaleness: '721h' }, 'spec.maxStaleness: maxStaleness must be'],
    [
      'GuardedService',
      { targetRef, oauth: { accessTokenLifetime: '59s' } },
      'spec.oauth.accessTokenLifetime: accessTokenLifetime must be',
    ],
    [
      'GuardedService',
      { targetRef, oauth: { accessTokenLifetime: '61m' } },
      'spec.oauth.accessTokenLifetime: accessTokenLifetime must be',
    ],
    [
      'GuardedService',
      { targetRef, routes: [route, { ...route, path: '/b' }] },
      'spec.routes[1]: it stands in the list',
    ],
    [
      'GuardedService',
      { targetRef, routes: [{ ...route, methods: ['GET', 'GET'] }] },
      'spec.routes[0].methods[1]: it stands',
    ],
    [
      'Role',
      { rules: [{ ...rule, permissions: [{ action: 'a', resources: ['a'] }] }] },
      'spec.rules[0]: a rule has either',
    ],
    ['Role', { rules: [{ services: ['a'], methods: ['GET'] }] }, 'spec.rules[0]: a rule has either'],
    ['Role', { rules: [{ services: ['a'] }] }, 'spec.rules[0]: a rule has either'],
    ['Role', { rules: [{ ...rule, when: [{}] }] }, 'spec.rules[0].when[0]: set exactly one'],
    ['AccessKey', { clientRef, rotation: { every: '1m' } }, 'spec.rotation.every: every must be at least'],
    ['AccessKey', { clientRef, rotation: { every: '2h', overlap: '2h' } }, 'spec.rotation.overlap: overlap must be'],
    [
      'AccessKey',
      { clientRef, rotation: { windows: [{ start: '02:00', duration: '0s' }] } },
      'spec.rotation.windows[0].duration: a window is open',
    ],
    ['AccessKey', { clientRef, validity: '2h', rotation: { every: '2h' } }, 'spec.rotation.every: rotation.every must'],
    [
      'AccessKey',
      { clientRef, validity: '2h', rotation: { overlap: '2h' } },
      'spec.rotation.overlap: rotation.overlap',
    ],
    ['AccessKey', { clientRef, publicKey: okp, rotation: {} }, 'spec.rotation: rotation has no meaning'],
    ['AccessGrant', { ...grant, limit: { requests: 1, per: '0s' } }, 'spec.limit.per: per must be between 1s and 24h'],
    ['AccessGrant', { ...grant, limit: { requests: 1, per: '25h' } }, 'spec.limit.per: per must be between 1s and 24h'],
    ['AccessGrant', { ...grant, actFor: 'Any' }, 'spec.actFor: actFor must be None'],
    ['ApiClient', { clientId: 'a.b', identity: 2 }, 'spec.identity: a chosen clientId cannot get another identity'],
    [
      'AccessGrant',
      { ...grant, clients: [...grant.clients, ...grant.clients] },
      'spec.clients[1]: it stands in the list',
    ],
    [
      'AccessKey',
      { clientRef, publicKey: { ...okp, d: 'secret' } },
      'spec.publicKey: publicKey must hold public members only',
    ],
    ['AccessKey', { clientRef, publicKey: okp, algorithm: 'ES256' }, 'spec: publicKey does not fit algorithm'],
    ['AccessKey', { clientRef, publicKey: okp, secretName: 'a' }, 'spec: secretName has no meaning'],
    ['AccessKey', { clientRef, type: 'ApiKey' }, 'spec: services must name the services'],
    ['AccessKey', { clientRef, type: 'StaticSecret' }, 'spec: services must name the services'],
    ['AccessKey', { clientRef, type: 'KeyPair', services: keyServices }, 'spec.services: services has a meaning with'],
    ['AccessKey', { clientRef, type: 'ClientSecret', services: keyServices }, 'spec.services: services has a meaning'],
    ['AccessKey', { clientRef, type: 'ClientSecret', publicKey: okp }, 'spec.publicKey: publicKey is of a KeyPair'],
    ['AccessKey', { clientRef, type: 'ClientSecret', algorithm: 'ES256' }, 'spec.algorithm: algorithm is of a KeyPair'],
    [
      'AccessKey',
      { clientRef, type: 'ApiKey', services: [...keyServices, ...keyServices] },
      'spec.services[1]: it stands in the list',
    ],
    ['AccessKey', { clientRef, validity: '1h', expiresAt: '2027-01-31T12:00:00Z' }, 'spec: set validity or expiresAt'],
    ['AccessKey', { clientRef, validity: '59m' }, 'spec.validity: validity must be at least 1h'],
    ['AccessKey', { clientRef, expiresAt: 'tomorrow' }, 'spec.expiresAt: expected a time'],
    ['AccessKey', { clientRef, expiresAt: '2027-13-31T12:00:00Z' }, 'spec.expiresAt: expected a time'],
    ['AccessKey', { clientRef, expiresAt: '2027-01-31T12:00:00,5Z' }, 'spec.expiresAt: expected a time'],
  ])('%s %j', (kind, spec, mistake) => {
    expect(mistakesOf(kind, spec)).toContain(`${kind} a: ${mistake}`)
    expect(mistakesOf(kind, spec)).not.toContain('secret"')
  })

  it('and what it takes is taken', () => {
    expect(mistakesOf('GuardedService', { targetRef, routes: [route, { ...route, name: 'b' }] })).toBeUndefined()
    expect(mistakesOf('Role', { rules: [rule, rule] })).toBeUndefined()
    expect(mistakesOf('AccessGrant', grant)).toBeUndefined()
    expect(
      mistakesOf('AccessKey', { clientRef, publicKey: okp, expiresAt: '2027-01-31T12:00:00+01:00' }),
    ).toBeUndefined()
    expect(
      mistakesOf('AccessKey', {
        clientRef,
        publicKey: { kty: 'EC', crv: 'P-256', x: okp.x, y: okp.x },
        algorithm: 'ES256',
      }),
    ).toBeUndefined()
  })
})
