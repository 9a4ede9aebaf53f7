import { LineCounter } from 'yaml'
import { parseStrictJson } from '../core/base/strict-json.ts'
import { composeDocuments } from './yaml/compose.ts'
import { YamlFault } from './yaml/fault.ts'
import { createValues } from './yaml/values.ts'

/** What a text was read to, or where and why it was not. A fault repeats nothing of the text. */
export type ReadResult = { readonly value: unknown } | { readonly fault: string }

/** Sizes, never time: the same text is read the same on a busy machine. */
export interface ReadLimits {
  /** Of the text as UTF-8. */
  readonly bytes: number
  /** Levels of mappings and lists within each other, aliases followed. */
  readonly depth: number
  /** Values and keys of a text that is JSON. */
  readonly jsonNodes: number
  /**
   * Of any other text, of which the parser holds a tree: entries of mappings and lists, with one more for each of these
   * and each alias, which counts as all that it stands for.
   */
  readonly yamlEntries: number
}

/**
 * For an OpenAPI document: one that a tenant wrote. The tree of so much YAML needs less than 240 MiB at worst: the thread that
 * reads documents in a cluster has 256, and must not be the only reader that gives up.
 */
export const documentLimits: ReadLimits = {
  bytes: 2 * 1024 * 1024,
  depth: 128,
  jsonNodes: 500_000,
  yamlEntries: 150_000,
}

/**
 * Reads a text of one YAML 1.2 document, or JSON, which is YAML too. Every reader of a process reads by this one: a text
 * has the same value or the same fault wherever it comes from. Anchors and merge keys (`<<`) are resolved within the
 * limits. Refused are: a key twice in one mapping, in JSON as in YAML; keys that are no text; tags other than those of
 * YAML's core schema; `%YAML 1.1`. A byte order mark at the beginning is passed over. An empty text is null.
 * @see YAML 1.2.2 sections 5.2 (byte order mark), 7.1 (aliases), 10.3 (core schema); threats K16, S08, S09
 */
export function readYaml(text: string, limits: ReadLimits = documentLimits): ReadResult {
  const results = readYamlStream(text, limits)
  const fault = results.find(result => 'fault' in result)
  if (fault) return fault
  const [value = null, ...others] = results.flatMap(result =>
    'value' in result && result.value !== null ? [result.value] : [],
  )
  return others.length > 0 ? { fault: 'there are several documents (---) where one belongs' } : { value }
}

/**
 * The documents of a text, one result for each; the limits hold for all together. After a fault in the grammar there is
 * no more to read: it is the last result then.
 */
export function readYamlStream(text: string, limits: ReadLimits): readonly ReadResult[] {
  if (Buffer.byteLength(text) > limits.bytes) return [{ fault: `the text is longer than ${sizeOf(limits.bytes)}` }]
  const plain = text.startsWith('\ufeff') ? text.slice(1) : text
  const json = readJson(plain, limits)
  return json ? [json] : readDocuments(plain, limits)
}

/** The value of a text that is JSON, when YAML would give the very same; what else it may be is for others to say. */
function readJson(text: string, { depth, jsonNodes }: ReadLimits): ReadResult | undefined {
  const json = /^[ \t\r\n]*[{["]/.test(text) ? parseStrictJson(text, depth) : undefined
  return json && json.nodes <= jsonNodes ? { value: json.value } : undefined
}

function readDocuments(text: string, limits: ReadLimits): ReadResult[] {
  const lines = new LineCounter()
  const entries = limits.yamlEntries
  const values = createValues({ ...limits, entries, characters: limits.bytes * 4 })
  const results: ReadResult[] = []
  const attempt = (read: () => void): void => {
    try {
      read()
    } catch (error) {
      // Anything else would be a fault of the parser: one text of one tenant must not end the process of all.
      const fault = error instanceof YamlFault ? error : new YamlFault(0, 'this is not YAML')
      const { line, col } = lines.linePos(fault.offset)
      results.push({ fault: `line ${line}, column ${col}: ${fault.message}` })
    }
  }
  attempt(() => {
    for (const { contents } of composeDocuments(text, { ...limits, entries }, lines.addNewLine)) {
      attempt(() => void results.push({ value: values.of(contents) }))
    }
  })
  return results
}

function sizeOf(bytes: number): string {
  return bytes % 1_048_576 === 0 ? `${bytes / 1_048_576} MiB` : `${bytes} bytes`
}
