import { describe, expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import { timeOf } from '../../../../core/base/time.ts'
import { findKeyFault, type KeyFault } from '../../../../core/keys/accept-access-key.ts'
import { accessKeyOf, clientOf, publishAheadSeconds, start } from './access-key-store.ts'

const at = (seconds: number): string => timeOf(start + seconds)
const longest = 90 * 24 * 3_600
const publicKey = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
const p256 = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
} as const

const faultOf = (spec: Partial<AccessKey['spec']>, client: ApiClient['spec'] = {}) =>
  findKeyFault({ publishAheadSeconds, accessKey: accessKeyOf(spec), client: clientOf(client) }, start)
const fault = (reason: KeyFault['reason'], words: string, rest: Partial<KeyFault> = {}) => ({
  reason,
  message: expect.stringContaining(words),
  keys: 'withdrawn',
  ...rest,
})
const personal: ApiClient['spec'] = { type: 'Personal' }

describe('a key is accepted', () => {
  test.each<[string, Partial<AccessKey['spec']>, ApiClient['spec']?]>([
    ['that says only whose it is', {}],
    ['of the type that is made', { type: 'KeyPair' }],
    ['without end, of a client that is no person', {}, { type: 'Workload' }],
    ['with an end in the past', { expiresAt: at(-1) }],
    ['whose older keys end now', { keysNotBefore: at(0) }],
    ['that was brought', { publicKey }],
    ['that was brought, of another algorithm', { publicKey: p256, algorithm: 'ES256' }],
    ['of a person, for the longest time there is', { validity: '2160h' }, personal],
    ['of a person, until the last moment there is', { expiresAt: at(longest) }, personal],
    ['of a person, that says both: its time counts', { validity: '1h', expiresAt: at(longest + 1) }, personal],
  ])('%s', (_, spec, client) => {
    expect(faultOf(spec, client)).toBeUndefined()
  })
})

describe('a key is refused', () => {
  test.each<[string, Partial<AccessKey['spec']>, ReturnType<typeof fault>, ApiClient['spec']?]>([
    ['whose end is no time', { expiresAt: 'soon' }, fault('Invalid', 'spec.expiresAt is not an RFC 3339 time')],
    [
      'whose moment of revocation is no time',
      { keysNotBefore: 'soon' },
      fault('Invalid', 'spec.keysNotBefore is not an RFC 3339 time'),
    ],
    [
      'of a type that is not made',
      { type: 'Static' as never },
      fault('Unsupported', 'This release does not make type Static.'),
    ],
    [
      'of another algorithm than it says',
      { publicKey: p256 },
      fault('PublicKeyInvalid', 'Ed25519 takes a key with kty OKP.'),
    ],
    [
      'that may only verify other things',
      { publicKey, algorithm: 'ES256' },
      fault('PublicKeyInvalid', 'ES256 takes a key with kty EC.'),
    ],
    [
      'whose moment of revocation is to come: what is published stays until then',
      { keysNotBefore: at(1) },
      fault('Invalid', 'spec.keysNotBefore is in the future.', { keys: 'kept', lookAgainAt: start + 1 }),
    ],
    ['of a person, without end', {}, fault('ExpiryRequired', 'must expire'), personal],
    ['of a person, for longer', { validity: '2160h1s' }, fault('ExpiryRequired', 'Shorten spec.validity'), personal],
    ['of a person, for no time', { validity: 'long' }, fault('ExpiryRequired', 'Shorten spec.validity'), personal],
    [
      'of a person, until later: time alone cures it',
      { expiresAt: at(longest + 1) },
      fault('ExpiryRequired', 'Choose an earlier spec.expiresAt', { lookAgainAt: start + 1 }),
      personal,
    ],
  ])('%s', (_, spec, expected, client) => {
    expect(faultOf(spec, client)).toStrictEqual(expected)
  })

  test('that the schema does not take, whatever the API server did', () => {
    expect(
      findKeyFault(
        { publishAheadSeconds, accessKey: accessKeyOf(), client: undefined, schemaFault: 'spec.x is wrong' },
        start,
      ),
    ).toEqual({
      reason: 'Invalid',
      message: 'spec.x is wrong',
      keys: 'withdrawn',
    })
  })

  test('whose client is not there: what is published stays', () => {
    expect(
      findKeyFault({ publishAheadSeconds, accessKey: accessKeyOf({ publicKey }), client: undefined }, start),
    ).toEqual(fault('ClientNotFound', 'There is no ApiClient web in this namespace.', { keys: 'kept' }))
  })

  test('whose client is refused: what is published stays', () => {
    expect(
      findKeyFault({ publishAheadSeconds, accessKey: accessKeyOf(), client: clientOf({}, { accepted: false }) }, start),
    ).toEqual(fault('ClientRefused', 'The ApiClient web is not accepted.', { keys: 'kept' }))
  })
})
