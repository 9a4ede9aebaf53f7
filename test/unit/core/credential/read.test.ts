import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { credentialKinds } from '../../../../core/base/credential-kinds.ts'
import type { AuthorizationRequest, CredentialEntry, Place, RefusedPlace } from '../../../../core/credential/entry.ts'
import { type Credential, cacheKey, credentialReader, readCredential } from '../../../../core/credential/read.ts'
import { credentialTable } from '../../../../core/credential/table.ts'

const nothing: AuthorizationRequest = {
  method: 'GET',
  target: '/orders',
  authorization: undefined,
  names: [],
  values: [],
}
const asks = (changes: Partial<AuthorizationRequest>): AuthorizationRequest => ({ ...nothing, ...changes })
const told = (read: Credential | string): string => (typeof read === 'string' ? read : read.text)

/** Kinds that stand where today's do not, beside today's. */
const planted = (places: readonly Place[], refusedPlaces: readonly RefusedPlace[] = []): CredentialEntry => ({
  ...credentialTable.ClientToken,
  places,
  refusedPlaces,
})
const kinds: Readonly<Record<string, CredentialEntry>> = {
  ...credentialTable,
  'a secret as bearer': planted([{ in: 'authorization', scheme: 'bearer' }]),
  'a scheme of its own': planted([{ in: 'authorization', scheme: 'secret' }]),
  'a header of its own': planted([{ in: 'header', name: 'x-key' }], [{ in: 'query', name: 'key' }]),
  'one of two headers': planted(
    [
      { in: 'header', name: 'x-old-key' },
      { in: 'header', name: 'x-new-key' },
    ],
    [{ in: 'form', name: 'key' }],
  ),
  'a scheme or a header': planted([
    { in: 'authorization', scheme: 'either' },
    { in: 'header', name: 'x-either' },
  ]),
}
const keyService = { apiKey: { header: 'x-api-key', query: 'api-key' } }
const reader = credentialReader(Object.values(kinds))
const read = (asked: AuthorizationRequest) => reader(asked, keyService)

/** A request with these texts at these places: what stands twice in Authorization is one value by then, with a comma. */
function presenting(
  texts: readonly { readonly at: Place | RefusedPlace; readonly text: string }[],
): AuthorizationRequest {
  const inAuthorization = texts.flatMap(({ at, text }) => (at.in === 'authorization' ? `${at.scheme} ${text}` : []))
  const headers = texts.flatMap(({ at, text }) => {
    if (at.in === 'apiKey') return [{ name: 'x-api-key', text }]
    return at.in === 'header' ? [{ name: at.name, text }] : []
  })
  const pairs = (kind: 'query' | 'form') =>
    texts.flatMap(({ at, text }) => (at.in === kind ? `${at.name}=${text}` : [])).join('&')
  return asks({
    target: pairs('query') === '' ? '/orders' : `/orders?${pairs('query')}`,
    authorization: inAuthorization.length === 0 ? undefined : inAuthorization.join(', '),
    names: ['host', ...headers.map(({ name }) => name), 'accept'],
    values: ['a', ...headers.map(({ text }) => text), '*/*'],
    ...(pairs('form') !== '' && { form: pairs('form') }),
  })
}

const taken = Object.entries(kinds).flatMap(([name, kind]) => kind.places.map(at => ({ name, kind, at })))
const refused = [
  ...new Map(
    Object.values(kinds)
      .flatMap(({ refusedPlaces }) => refusedPlaces)
      .map(at => [`${at.in} ${at.name}`, at]),
  ).values(),
]
const nameOf = (at: Place | RefusedPlace): string => {
  if (at.in === 'apiKey') return 'the header of the service'
  return `${at.in} ${at.in === 'authorization' ? at.scheme : at.name}`
}
const everywhere = [...new Map([...taken.map(({ at }) => at), ...refused].map(at => [nameOf(at), at])).values()]

describe('a credential', () => {
  test.each(taken.map(one => [one.name, nameOf(one.at), one] as const))(
    'of the kind "%s" is found in %s, alone',
    (_, __, { kind, at }) => {
      const found = read(presenting([{ at, text: 'abc' }])) as Credential
      expect(found.text).toBe('abc')
      expect(found.place.kinds).toContain(kind)
    },
  )

  test.each(
    everywhere.flatMap(first => taken.map(({ name, at }) => [name, nameOf(at), nameOf(first), [first, at]] as const)),
  )('of the kind "%s" in %s is ambiguous beside one in %s', (_, __, ___, places) => {
    expect(read(presenting(places.map(at => ({ at, text: 'abc' }))))).toBe('credential_ambiguous')
    expect(read(presenting([...places].reverse().map(at => ({ at, text: 'abc' }))))).toBe('credential_ambiguous')
  })

  test.each(refused.map(at => [nameOf(at), at] as const))('in %s alone is none: nobody takes it there', (_, at) => {
    expect(read(presenting([{ at, text: 'abc' }]))).toBe('credential_missing')
  })

  test('is taken where there is one, missing where there is none to take, and else ambiguous', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...everywhere), fc.constantFrom('a', 'b.c', 'd'))), found => {
        const texts = found.map(([at, text]) => ({ at, text }))
        const takes = texts.filter(({ at }) => at.in !== 'query' && at.in !== 'form')
        const expected =
          takes.length === 0 ? 'credential_missing' : texts.length === 1 ? takes[0]?.text : 'credential_ambiguous'
        expect(told(read(presenting(texts)))).toBe(expected)
      }),
      { numRuns: 500 },
    )
  })

  test('in a header of its own with a comma may be two that were joined', () => {
    expect(read(asks({ names: ['x-key'], values: ['a, b'] }))).toBe('credential_ambiguous')
  })
})

describe('what today’s kinds are read from', () => {
  test.each([
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER   abc', 'abc'],
    ['Bearer a b', 'a b'],
    ['Bearer ', ''],
    ['Bearer', 'credential_unsupported'],
    ['Basic abc', 'abc'],
    ['Secret abc', 'credential_unsupported'],
    ['constructor abc', 'credential_unsupported'],
    ['Bearer\tabc', 'invalid_token'],
    [' Bearer abc', 'invalid_token'],
    ['', 'invalid_token'],
    ['Bearer abc, Bearer abc', 'credential_ambiguous'],
    ['Bearer a,b', 'credential_ambiguous'],
  ])('Authorization "%s" says %s', (authorization, expected) => {
    expect(told(readCredential(asks({ authorization })))).toBe(expected)
  })

  test.each([
    '/x?access_token=a',
    '/x?access_token',
    '/x?a=1&access_token=',
    '/x?a=1;access_token=a',
    '/x?ACCESS_token=a',
    '/x?%61ccess%5Ftoken=a',
    '/x?a?access_token=a&access_token=b',
  ])('a second one in the query of %s', target => {
    expect(readCredential(asks({ authorization: 'Bearer abc', target }))).toBe('credential_ambiguous')
    expect(readCredential(asks({ target }))).toBe('credential_missing')
  })

  test.each([
    '/x?token=a',
    '/x?access_token_2=a',
    '/access_token=a',
    '/x?a=access_token',
    '/x?%zzaccess_token=a',
    '/x?',
  ])('no second one in the query of %s', target =>
    expect(told(readCredential(asks({ authorization: 'Bearer abc', target })))).toBe('abc'),
  )

  test('is Authorization and nothing else: any other header is the app’s', () => {
    const names = ['x-api-key', 'cookie', 'x-key', 'proxy-authorization']
    const values = names.map(() => 'abc')
    expect(readCredential(asks({ names, values }))).toBe('credential_missing')
    expect(told(readCredential(asks({ names, values, authorization: 'Bearer abc' })))).toBe('abc')
  })

  test('is the same for every kind of bearer, so that a token is looked into to tell them apart', () => {
    const { place } = readCredential(asks({ authorization: 'Bearer abc' })) as Credential
    const bearers = credentialKinds.filter(kind => kind !== 'ApiKey')
    expect(place.kinds).toEqual(bearers.map(kind => credentialTable[kind]))
  })
})

describe('what an identity is remembered by', () => {
  test('is the text and its place: the same text elsewhere is another credential', () => {
    const keys = taken.map(({ at }) => [nameOf(at), cacheKey(read(presenting([{ at, text: 'abc' }])) as Credential)])
    const byPlace = new Map(keys as [string, string][])
    expect(new Set(byPlace.values()).size).toBe(byPlace.size)
    expect(byPlace.get('authorization bearer')).toBe('abc')
  })

  test('is nothing where the credential is good for one request only, or may be', () => {
    const [first, second] = ['ClientToken', 'a secret as bearer'].map(name => kinds[name]) as [
      CredentialEntry,
      CredentialEntry,
    ]
    const bound = credentialReader([first, { ...second, bindsRequest: true }])
    expect(cacheKey(bound(asks({ authorization: 'Bearer abc' })) as Credential)).toBeUndefined()
  })
})

describe('where the service takes API keys', () => {
  const inHeader = asks({ names: ['host', 'x-api-key'], values: ['a', 'abc'] })

  test('is a header of its choosing, and a parameter that was cut out of the query', () => {
    expect(told(readCredential(inHeader, keyService))).toBe('abc')
    expect(told(readCredential(asks({ queryKey: 'abc' }), keyService))).toBe('abc')
    expect(told(readCredential(asks({ queryKey: '' }), keyService))).toBe('')
  })

  test('is nowhere in a service that does not say', () => {
    expect(readCredential(inHeader)).toBe('credential_missing')
    expect(readCredential(inHeader, {})).toBe('credential_missing')
    expect(readCredential(inHeader, { apiKey: { query: 'x-api-key' } })).toBe('credential_missing')
  })

  test.each([
    ['the header twice', { names: ['x-api-key', 'x-api-key'], values: ['abc', 'abc'] }],
    ['two values in one header', { names: ['x-api-key'], values: ['abc, abc'] }],
    ['the header beside Authorization', { ...inHeader, authorization: 'Bearer abc' }],
    ['the header beside Authorization of a scheme that nobody takes', { ...inHeader, authorization: 'Digest abc' }],
    ['the parameter beside Authorization', { queryKey: 'abc', authorization: 'Basic abc' }],
    ['the parameter beside the header', { ...inHeader, queryKey: 'abc' }],
    ['the parameter beside a bearer token of the query', { queryKey: 'abc', target: '/x?access_token=a' }],
  ])('%s is ambiguous', (_, changes) => {
    expect(readCredential(asks(changes), keyService)).toBe('credential_ambiguous')
  })

  test.each(['/x?api-key=a', '/x?api-key', '/x?a=1&api-key=', '/x?a=1;api-key=a', '/x?API-key=a', '/x?%61pi%2Dkey=a'])(
    'a target that still has the parameter is refused, alone and beside a credential: %s',
    target => {
      expect(readCredential(asks({ target }), keyService)).toBe('credential_ambiguous')
      expect(readCredential({ ...inHeader, target }, keyService)).toBe('credential_ambiguous')
      expect(readCredential(asks({ target }))).toBe('credential_missing')
    },
  )
})
