import { decodeBase64url } from '../base/base64url.ts'
import { readJsonObject } from './json-object.ts'

/** Longer tokens are not looked at, characters. */
export const maxTokenLength = 8192

/** A signed message; nothing about it is proved yet. */
export interface Signed {
  readonly header: Readonly<Record<string, unknown>>
  /** The ASCII bytes that are signed: header, dot, payload. */
  readonly signingInput: Buffer
  readonly signature: Buffer
}

/** A token taken apart. */
export interface CompactToken extends Signed {
  readonly payload: Readonly<Record<string, unknown>>
}

/**
 * Takes a token apart, in the strict form only: at most 8192 characters, three parts of canonical base64url, header
 * and payload JSON objects without a member twice. `crit` and `b64` change what a token means, so any of them is
 * refused; `jwk`, `jku`, `x5u` and `x5c` are never read.
 * @returns undefined when it is in any other form
 * @see RFC 7515 sections 3.1 and 4.1.11, RFC 7797 section 6
 */
export function parseCompact(token: string): CompactToken | undefined {
  const parts = splitCompact(token)
  const payload = parts && readJsonObject(parts.payloadBytes)
  if (!payload) return undefined
  const { header, signingInput, signature } = parts
  return { header, payload, signingInput, signature }
}

/** The same for a message whose payload need not be JSON. */
export function splitCompact(token: string): (Signed & { readonly payloadBytes: Buffer }) | undefined {
  if (token.length > maxTokenLength) return undefined
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first <= 0 || second < 0 || token.indexOf('.', second + 1) >= 0) return undefined
  const headerBytes = decodeBase64url(token.slice(0, first))
  const header = headerBytes && readJsonObject(headerBytes)
  if (!header || Object.hasOwn(header, 'crit') || Object.hasOwn(header, 'b64')) return undefined
  const payloadBytes = decodeBase64url(token.slice(first + 1, second))
  const signature = decodeBase64url(token.slice(second + 1))
  if (!payloadBytes || !signature || signature.length === 0) return undefined
  return { header, payloadBytes, signingInput: Buffer.from(token.slice(0, second), 'latin1'), signature }
}
