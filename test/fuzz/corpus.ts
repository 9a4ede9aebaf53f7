import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A whole connection that is known to have fooled somebody. */
export interface Gadget {
  readonly name: string
  readonly source: string
  readonly text: string
}

function read<T>(name: string): T {
  const text = readFileSync(join(import.meta.dirname, 'corpus', `${name}.json`), 'utf8')
  return parseSpelledOut(text) as T
}

/** Reads JSON in whose strings `{a*9000}` stands for nine thousand times the letter. */
export function parseSpelledOut(text: string): unknown {
  return JSON.parse(text, (_, value) => (typeof value === 'string' ? spelledOut(value) : value))
}

function spelledOut(text: string): string {
  return text.replace(/\{([A-Za-z])\*(\d+)\}/g, (_, letter: string, times: string) => letter.repeat(Number(times)))
}

/** Pieces of requests, right and wrong ones, and whole gadgets. Data: a new trick is a line in `corpus/`. */
export const lines =
  read<
    Record<
      'methods' | 'oddMethods' | 'targets' | 'oddTargets' | 'versions' | 'oddVersions' | 'separators' | 'oddSeparators',
      string[]
    >
  >('lines')
export const fields =
  read<
    Record<
      | 'plain'
      | 'identity'
      | 'hop'
      | 'framing'
      | 'syntax'
      | 'hosts'
      | 'oddHosts'
      | 'credentials'
      | 'oddCredentials'
      | 'ends'
      | 'oddEnds',
      string[]
    >
  >('fields')
export const bodies = read<Record<'plain' | 'chunked' | 'oddChunked', string[]>>('bodies')
export const gadgets = read<Gadget[]>('requests')
