import { isRecord } from '../../core/base/is-record.ts'
import { mostFeatures } from '../../core/rows/features.ts'
import type { Held, Hello, Seen } from '../../core/rows/frames.ts'
import { parseUsed } from '../usage/parse-used.ts'

const longestLineBytes = 16_384

/**
 * The lines a guard sends.
 * @throws Error when a line is too long
 */
export async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = ''
  const decoder = new TextDecoder('utf-8')
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true })
    for (let end = rest.indexOf('\n'); end !== -1; end = rest.indexOf('\n')) {
      if (end > longestLineBytes) throw new Error('a line is too long')
      yield rest.slice(0, end)
      rest = rest.slice(end + 1)
    }
    if (rest.length > longestLineBytes) throw new Error('a line is too long')
  }
}

/** @returns undefined when the line is no hello */
export function parseHello(line: string): Hello['hello'] | undefined {
  const hello = member(line, 'hello')
  if (!hello) return undefined
  const { slice, seen, hash, version, features, maxBytes, sharedBy } = hello
  if (typeof slice !== 'string' || !/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/.test(slice)) return undefined
  if (typeof version !== 'string' || version.length > 128) return undefined
  if (seen !== undefined && !isSeen(seen)) return undefined
  if (hash !== undefined && !isHash(hash)) return undefined
  if (features !== undefined && !isFeatures(features)) return undefined
  if (maxBytes !== undefined && !isCount(maxBytes)) return undefined
  if (sharedBy !== undefined && !isCount(sharedBy)) return undefined
  return {
    slice,
    version,
    ...(seen !== undefined && { seen }),
    ...(hash !== undefined && { hash }),
    ...(features !== undefined && { features }),
    ...(maxBytes !== undefined && { maxBytes }),
    ...(sharedBy !== undefined && { sharedBy }),
  }
}

/** @returns undefined when the line is no held */
export function parseHeld(line: string): Held['held'] | undefined {
  const held = member(line, 'held')
  if (!held || !isHash(held.hash)) return undefined
  const { hash, exposed, notListening, wouldDeny } = held
  const used = parseUsed(held.used)
  return {
    hash,
    ...(Array.isArray(exposed) && { exposed: exposed.filter(isAddress).slice(0, 16) }),
    ...((isAddress(notListening) || isSocketName(notListening)) && { notListening }),
    ...(Number.isSafeInteger(wouldDeny) && Number(wouldDeny) >= 0 && { wouldDeny: Number(wouldDeny) }),
    ...(used && { used }),
  }
}

function member(line: string, name: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = (JSON.parse(line) as Record<string, unknown> | null)?.[name]
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isSeen(value: unknown): value is Seen {
  if (typeof value !== 'object' || value === null) return false
  const entries = Object.entries(value)
  return entries.length <= 64 && entries.every(([, version]) => typeof version === 'string' && version.length <= 64)
}

/** What they are called is for later releases to say. */
function isFeatures(value: unknown): value is readonly string[] {
  const { names, length } = mostFeatures
  if (!Array.isArray(value) || value.length > names) return false
  return value.every(name => typeof name === 'string' && name.length <= length)
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0
}

function isHash(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)
}

/** Of an app on a Unix socket: the name of its file. */
function isSocketName(value: unknown): value is string {
  return typeof value === 'string' && /^unix:[A-Za-z0-9._+-]{1,104}$/.test(value)
}

/** It ends in a condition's message: only what an address can be. */
function isAddress(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 64 && /^[0-9a-f.:[\]%*]+$/i.test(value)
}
