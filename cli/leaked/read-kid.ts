import { isRecord } from '../../core/base/is-record.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { bareToken } from '../token-text.ts'

/** An RFC 7638 thumbprint, in base64url. */
const kidPattern = /^[A-Za-z0-9_-]{43}$/

/**
 * The id of the key that is meant: given itself, or named by a token or by a key file.
 * @throws CommandError `usage`, which quotes nothing of what was given
 */
export function readKid(given: string): string {
  const text = bareToken(given)
  if (kidPattern.test(text)) return text
  const named = text.startsWith('{') ? memberOf(text, 'kid') : kidOfToken(text)
  if (named !== undefined && kidPattern.test(named)) return named
  throw new CommandError(
    'usage',
    'what was given names no key: expected a key id of 43 characters, a token whose header has such a kid, or the file private.jwk',
  )
}

function kidOfToken(text: string): string | undefined {
  const parts = text.split('.')
  if (parts.length !== 3) return undefined
  return memberOf(Buffer.from(parts[0] ?? '', 'base64url').toString('utf8'), 'kid')
}

function memberOf(json: string, name: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)
    const member = isRecord(value) ? value[name] : undefined
    return typeof member === 'string' ? member : undefined
  } catch {
    return undefined
  }
}
