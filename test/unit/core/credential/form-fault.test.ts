import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxTokenLength, parseCompact } from '../../../../core/credential/compact.ts'
import { formFault } from '../../../../core/credential/form-fault.ts'
import { anyText } from '../any-text.ts'
import { clientToken, headerOf, part, signToken } from '../fixture.ts'

const good = clientToken()
const [header = '', payload = '', signature = ''] = good.split('.')
const text = (...parts: readonly string[]) => parts.join('.')
const notJson = (name: string) =>
  `The ${name} is no JSON object as tokens have it: UTF-8 without a byte order mark, no member twice, no escapes in names, at most 8 levels.`
const padded = (name: string) => `The ${name} is padded with "=": base64url in tokens has no padding.`
const plain = (name: string) => `The ${name} is in plain base64: tokens take base64url, with - and _ for + and /.`
const cut = (name: string) => `The ${name} is cut off, or its last character has bits that must be zero.`
const foreign = (name: string) => `The ${name} has characters that base64url does not have.`
const changing = (name: string) => `The header has ${name}, which changes what a token means, and is never taken.`
const secret =
  'It is a private key or a secret, not a token. Nobody but its owner may have it: if it was passed on, it has leaked.'
const publicKey = 'It is a public key (JWK), not a token.'

describe('why a text is no token', () => {
  test.each<[string, string, string]>([
    ['nothing', '', 'There is nothing in it.'],
    ['one part', 'abc', 'It has 1 part between dots; a token has three.'],
    ['two parts', text(header, payload), 'It has 2 parts between dots; a token has three.'],
    ['four parts', text(good, 'AAAA'), 'It has 4 parts between dots; a token has three.'],
    [
      'five parts',
      text(header, '', payload, payload, signature),
      'It has five parts: an encrypted token (JWE). Tokens are signed, not encrypted.',
    ],
    ['six parts', 'a.b.c.d.e.f', 'It has 6 parts between dots; a token has three.'],
    ['the longest text that is read', 'a'.repeat(maxTokenLength), 'It has 1 part between dots; a token has three.'],
    ['a longer one', 'a'.repeat(maxTokenLength + 1), 'It has 8193 characters; more than 8192 are not read.'],
    ['a private JWK', '{"kty":"OKP","d":"a","x":"a"}', secret],
    ['a private JWK with spaces', '{ "kty" : "OKP", "d" : "a" }', secret],
    ['a shared secret', '{"kty":"oct","k":"a"}', secret],
    ['a private key in PEM', '-----BEGIN PRIVATE KEY-----\n', secret],
    ['a public JWK', '{"kty":"OKP","x":"a"}', publicKey],
    ['a text that only speaks of a JWK', '"kty"', 'It has 1 part between dots; a token has three.'],
    [
      'the JSON serialization',
      '{"payload":"a","signature":"b"}',
      'It is a JSON object: tokens are taken in the compact form only, three parts with dots.',
    ],
    ['a padded header', text(`${header}=`, payload, signature), padded('header')],
    ['a padded payload', text(header, `${payload}==`, signature), padded('payload')],
    ['a padded signature', text(header, payload, `${signature}=`), padded('signature')],
    ['a plus', text(header, payload, 'AA+A'), plain('signature')],
    ['a slash', text(header, 'AA/A', signature), plain('payload')],
    ['a line end', text(header, `AA\nA`, signature), 'The payload has white space or a line end in it.'],
    ['a space', text(` ${header}`, payload, signature), 'The header has white space or a line end in it.'],
    ['another character', text(header, payload, 'AA!A'), foreign('signature')],
    ['a letter that is not ASCII', text(header, 'AAéA', signature), foreign('payload')],
    ['unused bits that are set', text(header, payload, 'AB'), cut('signature')],
    ['a length that cannot be', text(header, 'AAAAA', signature), cut('payload')],
    ['the first of two such parts', text('A', 'A=', signature), cut('header')],
    ['an empty header', text('', payload, signature), notJson('header')],
    ['an empty payload', text(header, '', signature), notJson('payload')],
    ['a header of text', text(part('hello'), payload, signature), notJson('header')],
    ['a member twice', text(header, part('{"a":1,"a":2}'), signature), notJson('payload')],
    ['crit', signToken({ ...headerOf(), crit: ['x'] }, {}), changing('crit')],
    ['b64', signToken({ ...headerOf(), b64: true }, {}), changing('b64')],
    ['crit and b64', signToken({ ...headerOf(), b64: true, crit: ['b64'] }, {}), changing('crit')],
    ['no signature', text(header, payload, ''), 'It has no signature.'],
  ])('with %s', (_, given, expected) => {
    expect(parseCompact(given)).toBeUndefined()
    expect(formFault(given)).toBe(expected)
  })

  test('names no cause of a token that has the form', () => {
    expect(formFault(good)).toBe('It is no token in the strict form.')
  })

  test('names a cause of everything else', () => {
    const pieces = fc.constantFrom(header, payload, signature, '', '.', '=', 'e30', part('{"crit":1}'), part('[]'))
    const given = fc.oneof(
      anyText(60),
      fc.array(pieces, { maxLength: 7 }).map(some => some.join('')),
    )
    fc.assert(
      fc.property(given, some => {
        expect(formFault(some) === 'It is no token in the strict form.').toBe(parseCompact(some) !== undefined)
      }),
    )
  })
})
