import { decodeBase64url } from '../base/base64url.ts'
import { maxTokenLength } from './compact.ts'
import { readJsonObject } from './json-object.ts'

/** `iss` of what may be a signed token, before anything of it is proved. */
export function claimedIss(text: string): string | undefined {
  return claimedText(text, 'iss')
}

/** The same of another claim. */
export function claimedText(text: string, name: 'iss' | 'client_id'): string | undefined {
  if (text.length > maxTokenLength) return undefined
  const first = text.indexOf('.')
  const payload = decodeBase64url(text.slice(first + 1, text.indexOf('.', first + 1)))
  const claim = payload && readJsonObject(payload)?.[name]
  return typeof claim === 'string' ? claim : undefined
}
