import type { IncomingMessage } from 'node:http'
import type { OAuthFault } from './oauth-fault.ts'

/** Parameters of a request, each once; `resource` alone may come several times. Empty ones are not there. */
export interface Form {
  get(name: string): string | undefined
  readonly resources: readonly string[]
  /** As they are handed on. */
  entries(): Iterable<readonly [string, string]>
}

/** An assertion has 8 KiB at most, and nothing else is long. */
export const maxFormBytes = 16_384
const maxParameters = 32

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads the body of a request to an OAuth endpoint.
 * @returns a fault for what is no form, is too long, or has a parameter twice
 * @see RFC 6749 section 3.2: parameters without a value are as if left out, none is given twice
 */
export async function readForm(request: IncomingMessage): Promise<Form | OAuthFault> {
  const fault = headFault(request)
  if (fault) return fault
  const bytes = await readBytes(request)
  return bytes ? parseForm(bytes) : tooLong
}

const tooLong: OAuthFault = { error: 'invalid_request', description: 'the body is too long', status: 413 }

function headFault({ headers }: IncomingMessage): OAuthFault | undefined {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(/\s*;\s*/)
  const isForm = type.trim() === 'application/x-www-form-urlencoded'
  // The form has one encoding; whoever names another means other characters than we would read.
  if (!isForm || !parameters.every(one => /^charset="?utf-8"?$/.test(one))) {
    const description = 'the body must be application/x-www-form-urlencoded in UTF-8'
    return { error: 'invalid_request', description, status: 415 }
  }
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity') {
    return { error: 'invalid_request', description: 'the body must not be compressed', status: 415 }
  }
  return Number(headers['content-length'] ?? 0) > maxFormBytes ? tooLong : undefined
}

/** @returns undefined when there are too many; the rest is not read */
async function readBytes(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxFormBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseForm(bytes: Buffer): Form | OAuthFault {
  const pairs = parsePairs(bytes)
  if (!pairs) return { error: 'invalid_request', description: 'the body is no form' }
  if (pairs.length > maxParameters) return { error: 'invalid_request', description: 'there are too many parameters' }
  const given = pairs.filter(([, value]) => value !== '')
  const names = given.map(([name]) => name).filter(name => name !== 'resource')
  if (new Set(names).size < names.length) {
    return { error: 'invalid_request', description: 'a parameter is there twice' }
  }
  return formOf(given)
}

/** @param given each name once, but `resource` */
export function formOf(given: readonly (readonly [string, string])[]): Form {
  const values = new Map(given)
  const resources = given.filter(([name]) => name === 'resource').map(([, value]) => value)
  return { get: name => values.get(name), resources, entries: () => given }
}

/** Strict where URLSearchParams mends: a bad escape and bytes that are no UTF-8 are no form. */
function parsePairs(bytes: Buffer): [string, string][] | undefined {
  try {
    return utf8
      .decode(bytes)
      .split('&')
      .filter(pair => pair !== '')
      .map(pair => {
        const at = pair.indexOf('=')
        return at < 0 ? [unescaped(pair), ''] : [unescaped(pair.slice(0, at)), unescaped(pair.slice(at + 1))]
      })
  } catch {
    return undefined
  }
}

/** @throws URIError for what stands for no text */
export function unescaped(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
