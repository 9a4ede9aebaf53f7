import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeApiKey, writeStaticSecret } from '../../../core/secret/presented.ts'
import { hashOf, keyIdOf, writeSecret } from '../../../core/secret/secret.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/secret-scanning.md'), 'utf8')

/** The rows of the table for GitHub: a name, and three patterns whose pipes are escaped for the table. */
const patterns = [...page.matchAll(/^\| `(Latchkey [^`]+)` \| `(.+?)` \| `(.+?)` \| `(.+?)` \|$/gm)].map(
  ([, name = '', ...parts]) => {
    const [secret = '', before = '', after = ''] = parts.map(part => part.replaceAll('\\|', '|'))
    // JavaScript knows no \A and no \z.
    return { name, regex: new RegExp(`(?:${before.replace('\\A', '^')})(${secret})(?:${after.replace('\\z', '$')})`) }
  },
)
const found = (text: string) => patterns.flatMap(({ name, regex }) => (regex.test(text) ? [name] : []))

const secret = () => writeSecret(randomBytes(32))
const keyId = keyIdOf(hashOf(secret()))
const apiKey = () => writeApiKey({ keyId: keyIdOf(hashOf(secret())), secret: secret() })

describe('the patterns for GitHub', () => {
  it('are two', () => {
    expect(patterns.map(({ name }) => name)).toEqual(['Latchkey secret', 'Latchkey API key'])
  })

  it('find whatever is minted, wherever it stands', () => {
    for (let times = 0; times < 500; times++) {
      const one = secret()
      const key = apiKey()
      for (const text of [
        one,
        `KEY="${one}"`,
        writeStaticSecret({ clientId: 'a.b', keyId, secret: one }),
        `_${one}\n`,
      ]) {
        expect(found(text)).toEqual(['Latchkey secret'])
      }
      for (const text of [key, `?api-key=${key}&b`, `Authorization: Basic ${key}`, `"${key}"`]) {
        expect(found(text)).toEqual(['Latchkey API key'])
      }
    }
  })

  it.each([
    ['a key id', keyId],
    ['a key id in base64', Buffer.from(`${keyId}:`).toString('base64')],
    ['a secret that was cut short', secret().slice(0, -1)],
    ['a longer word', `${secret()}0`],
    ['the end of a word', `x${secret()}`],
    ['a secret with other letters', secret().replace(/.$/, '-')],
    ['another prefix', secret().replace('lks_', 'lkz_')],
    ['an API key that was cut short', apiKey().slice(0, -1)],
    ['a longer base64', `${apiKey()}A`],
    ['base64 of something else', randomBytes(84).toString('base64')],
    ['another user and password', Buffer.from(`${keyId}:${'x'.repeat(53)}`).toString('base64')],
    ['a hash', hashOf(secret())],
  ])('take no other thing for one: %s', (_, text) => {
    expect(found(text)).toEqual([])
  })
})
