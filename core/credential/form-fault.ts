import { decodeBase64url } from '../base/base64url.ts'
import { maxTokenLength } from './compact.ts'
import { readJsonObject } from './json-object.ts'

/**
 * Why a text is no token in the strict form, as a sentence for whoever wrote it. Nothing of the text is in the sentence: it
 * may be a key. To be asked where parseCompact refused.
 */
export function formFault(text: string): string {
  if (text === '') return 'There is nothing in it.'
  const other = otherThing(text)
  if (other !== undefined) return other
  if (text.length > maxTokenLength) return `It has ${text.length} characters; more than ${maxTokenLength} are not read.`
  const parts = text.split('.')
  if (parts.length === 5) return 'It has five parts: an encrypted token (JWE). Tokens are signed, not encrypted.'
  if (parts.length !== 3)
    return `It has ${parts.length} ${parts.length === 1 ? 'part' : 'parts'} between dots; a token has three.`
  const names = ['header', 'payload', 'signature']
  const unreadable = parts.findIndex(part => decodeBase64url(part) === undefined)
  if (unreadable >= 0) return `${encodingFault(parts[unreadable] ?? '', names[unreadable] ?? '')}`
  return contentFault(parts)
}

/** What people take for a token. */
function otherThing(text: string): string | undefined {
  if (text.includes('PRIVATE KEY') || /"(?:d|k)"\s*:/.test(text))
    return 'It is a private key or a secret, not a token. Nobody but its owner may have it: if it was passed on, it has leaked.'
  if (text.startsWith('{') && text.includes('"kty"')) return 'It is a public key (JWK), not a token.'
  if (text.startsWith('{'))
    return 'It is a JSON object: tokens are taken in the compact form only, three parts with dots.'
  return undefined
}

function encodingFault(part: string, name: string): string {
  if (part.includes('=')) return `The ${name} is padded with "=": base64url in tokens has no padding.`
  if (/[+/]/.test(part)) return `The ${name} is in plain base64: tokens take base64url, with - and _ for + and /.`
  if (/\s/.test(part)) return `The ${name} has white space or a line end in it.`
  if (/[^A-Za-z0-9_-]/.test(part)) return `The ${name} has characters that base64url does not have.`
  return `The ${name} is cut off, or its last character has bits that must be zero.`
}

function contentFault([header = '', payload = '', signature = '']: readonly string[]): string {
  for (const [name, part] of [
    ['header', header],
    ['payload', payload],
  ] as const) {
    if (!readJsonObject(decodeBase64url(part) ?? Buffer.alloc(0)))
      return `The ${name} is no JSON object as tokens have it: UTF-8 without a byte order mark, no member twice, no escapes in names, at most 8 levels.`
  }
  const said = readJsonObject(decodeBase64url(header) ?? Buffer.alloc(0)) ?? {}
  const changing = ['crit', 'b64'].find(name => Object.hasOwn(said, name))
  if (changing !== undefined) return `The header has ${changing}, which changes what a token means, and is never taken.`
  if (signature === '') return 'It has no signature.'
  return 'It is no token in the strict form.'
}
