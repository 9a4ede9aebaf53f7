import fc from 'fast-check'
import { bodies, fields, lines } from './corpus.ts'

/** A change of the bytes that knows nothing of what they mean. `at` and `to` are parts of the text's length. */
interface Mutation {
  readonly kind: (typeof kinds)[number]
  readonly at: number
  readonly to: number
  readonly piece: string
}

const kinds = [
  'insert',
  'overwrite',
  'delete',
  'repeat',
  'move-line',
  'drop-line',
  'repeat-line',
  'cut',
  'case',
  'bit',
] as const

/** Bytes that some parser somewhere takes for another one, or for none. */
const bytes = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x85',
  '\xa0',
  '\xff',
  ';',
  ',',
  '"',
  '#',
  '%',
  '/',
  '\\',
  '0',
  '_',
  '-',
  '.',
  '\x1b',
  '\x08',
]
const pieces = [...fields.framing, ...fields.hop, ...fields.syntax.filter(text => text.length < 200)].map(
  text => `\r\n${text}`,
)
const piece = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...bytes) },
  { weight: 2, arbitrary: fc.nat(255).map(code => String.fromCharCode(code)) },
  { weight: 1, arbitrary: fc.constantFrom(...pieces) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(...bodies.oddChunked.filter(text => text.length < 200), ...lines.oddVersions),
  },
)
const place = fc.nat(1_000_000).map(part => part / 1_000_000)
const mutation: fc.Arbitrary<Mutation> = fc.record({ kind: fc.constantFrom(...kinds), at: place, to: place, piece })

export const mutations = fc.oneof(
  { weight: 5, arbitrary: fc.constant<Mutation[]>([]) },
  { weight: 4, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 1 }) },
  { weight: 1, arbitrary: fc.array(mutation, { minLength: 2, maxLength: 4 }) },
)

export function mutated(text: string, changes: readonly Mutation[]): string {
  return changes.reduce(change, text)
}

function change(text: string, { kind, at, to, piece }: Mutation): string {
  const from = Math.floor(at * (text.length + 1))
  // Short ranges mostly: long ones leave nothing that could be a request.
  const end = Math.min(text.length, from + 1 + Math.floor(to ** 4 * 60))
  switch (kind) {
    case 'insert':
      return text.slice(0, from) + piece + text.slice(from)
    case 'overwrite':
      return text.slice(0, from) + piece + text.slice(from + piece.length)
    case 'delete':
      return text.slice(0, from) + text.slice(end)
    case 'repeat':
      return text.slice(0, end) + text.slice(from, end) + text.slice(end)
    case 'cut':
      return text.slice(0, from)
    case 'case':
      return text.slice(0, from) + swapCase(text.slice(from, end)) + text.slice(end)
    case 'bit':
      return text.slice(0, from) + flipped(text.slice(from, from + 1), to) + text.slice(from + 1)
    default:
      return changeLine(text, kind, at, to)
  }
}

function changeLine(text: string, kind: 'move-line' | 'drop-line' | 'repeat-line', at: number, to: number): string {
  const all = text.split('\r\n')
  const index = Math.floor(at * all.length)
  const [line = ''] = kind === 'repeat-line' ? [all[index]] : all.splice(index, 1)
  if (kind !== 'drop-line') all.splice(Math.floor(to * all.length), 0, line)
  return all.join('\r\n')
}

function swapCase(text: string): string {
  return text.replace(/[A-Za-z]/g, letter => String.fromCharCode(letter.charCodeAt(0) ^ 0x20))
}

function flipped(byte: string, to: number): string {
  return byte === '' ? byte : String.fromCharCode(byte.charCodeAt(0) ^ (1 << Math.floor(to * 7.99)))
}
