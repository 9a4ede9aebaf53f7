import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64url } from '../../../../core/base/base64url.ts'
import { parseCompact } from '../../../../core/credential/compact.ts'
import { readApiKey, readStaticSecret, writeApiKey, writeStaticSecret } from '../../../../core/secret/presented.ts'
import { hashOf, keyIdOf, writeSecret } from '../../../../core/secret/secret.ts'
import { knownSecrets } from './secrets.ts'

const [{ secret, keyId, apiKey }, other] = knownSecrets
const derived = 'sc_aaaaaaaaaaaaaaaaaaaaaaaaaa'
const text = `${derived}.${keyId}.${secret}`
const typo = secret.replace('lks_0', 'lks_1')
const made = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(random => {
  const secret = writeSecret(random)
  return { secret, keyId: keyIdOf(hashOf(secret)) }
})
const clientIds = fc.constantFrom(derived, 'billing.invoices', 'a.acc_b.lks_c', `a.${keyId}.${secret}`.slice(0, 127))

describe('a static secret', () => {
  test('is written as the client id, the key id and the secret', () => {
    expect(writeStaticSecret({ clientId: derived, keyId, secret })).toBe(text)
  })

  test('is read from the right, whatever dots the client id has', () => {
    fc.assert(
      fc.property(made, clientIds, (one, clientId) => {
        expect(readStaticSecret(writeStaticSecret({ clientId, ...one }))).toEqual({ clientId, ...one })
      }),
    )
  })

  test('is never a signed token too: no part of one has its length', () => {
    expect(decodeBase64url(secret)).toBeUndefined()
    expect(parseCompact(`${Buffer.from('{}').toString('base64url')}.e30.${secret}`)).toBeUndefined()
  })

  test.each([
    ['nothing', ''],
    ['the secret alone', secret],
    ['one without a client', `${keyId}.${secret}`],
    ['one without a key id', `${derived}.${secret}`],
    ['one with an empty client id', `.${keyId}.${secret}`],
    ['one with a client id that is too long', `${'a'.repeat(128)}.${keyId}.${secret}`],
    ['one with a client id of other characters', `sc a.${keyId}.${secret}`],
    ['one with a key id that is too short', `${derived}.${keyId.slice(0, -1)}.${secret}`],
    ['one with a key id in capitals', `${derived}.${keyId.toUpperCase()}.${secret}`],
    ['one with a typo in its secret', `${derived}.${keyId}.${typo}`],
    ['one with something behind it', `${text}.x`],
    ['one with a line end behind it', `${text}\n`],
    ['one with a space in it', text.replace('.', '. ')],
    ['an API key', apiKey],
  ])('is not %s', (_, given) => {
    expect(readStaticSecret(given)).toBeUndefined()
  })
})

describe('an API key', () => {
  test.each(knownSecrets)('is $apiKey, as another implementation writes it', one => {
    expect(writeApiKey(one)).toBe(one.apiKey)
    expect(readApiKey(one.apiKey)).toEqual({ keyId: one.keyId, secret: one.secret })
  })

  test('has letters and digits only, and the beginning that scanners look for', () => {
    fc.assert(fc.property(made, one => void expect(writeApiKey(one)).toMatch(/^YWNjX[A-Za-z0-9]{107}$/)))
  })

  const base64 = (plain: string) => Buffer.from(plain).toString('base64')
  test.each([
    ['nothing', ''],
    ['one that is not encoded', `${keyId}:${secret}`],
    ['a static secret', text],
    ['one that is cut off', apiKey.slice(0, -4)],
    ['one with something behind it', `${apiKey}AAAA`],
    ['one with a padding it does not need', `${apiKey}=`],
    ['one with white space in it', `${apiKey.slice(0, 40)} ${apiKey.slice(40)}`],
    ['one with white space in the place of a character', `${apiKey.slice(0, 40)} ${apiKey.slice(41)}`],
    ['one with another character between its parts', base64(`${keyId}.${secret}`)],
    ['one with a name in place of the key id', base64(`${'a'.repeat(30)}:${secret}`)],
    ['one with a typo in its secret', base64(`${keyId}:${typo}`)],
    ['one with characters beyond ASCII', base64(`${keyId}:${secret}`.replace('lks_0', 'lks_é').slice(0, -1))],
  ])('is not %s', (_, given) => {
    expect(readApiKey(given)).toBeUndefined()
  })

  test('says what it says: the key id need not be of its secret', () => {
    expect(readApiKey(writeApiKey({ keyId: other.keyId, secret }))).toEqual({ keyId: other.keyId, secret })
  })
})
