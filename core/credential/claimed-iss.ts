import { decodeBase64url } from '../base/base64url.ts'
import { maxTokenLength } from './compact.ts'
import { readJsonObject } from './json-object.ts'

/** `iss` of what may be a signed token, before anything of it is proved. */
export function claimedIss(text: string): string | undefined {
  if (text.length > maxTokenLength) return undefined
  const first = text.indexOf('.')
  const payload = decodeBase64url(text.slice(first + 1, text.indexOf('.', first + 1)))
  const iss = payload && readJsonObject(payload)?.iss
  return typeof iss === 'string' ? iss : undefined
}
