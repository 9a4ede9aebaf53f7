import { isRecord } from '../base/is-record.ts'
import { parseStrictJson } from '../base/strict-json.ts'

/** Deeper JSON than this is in no token that we take. */
const maxDepth = 8

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a JSON object in the strict form: UTF-8, no byte order mark, at most 8 levels, each member once.
 * @returns undefined when it is anything else
 * @see RFC 7515 section 4, RFC 8259 section 8.1
 */
export function readJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const text = textOf(bytes)
  const value = text === undefined ? undefined : parseStrictJson(text, maxDepth)?.value
  return isRecord(value) ? value : undefined
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
