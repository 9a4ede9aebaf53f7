import fc from 'fast-check'
import { createAccess } from './access.ts'
import { bodies, fields, gadgets, lines } from './corpus.ts'
import { type Input, tokenPlace } from './input.ts'
import { mutated, mutations } from './mutate.ts'

/** Mostly what is right, so that much gets through to where it could be read in two ways. */
function mostly(right: readonly string[], odd: readonly string[], weight = 24): fc.Arbitrary<string> {
  return fc.oneof({ weight, arbitrary: fc.constantFrom(...right) }, { weight: 1, arbitrary: fc.constantFrom(...odd) })
}

const anyField = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...fields.plain) },
  { weight: 4, arbitrary: fc.constantFrom(...fields.identity) },
  { weight: 3, arbitrary: fc.constantFrom(...fields.hop) },
  { weight: 1, arbitrary: fc.constantFrom(...fields.framing) },
  { weight: 1, arbitrary: fc.constantFrom(...fields.syntax) },
)
const lineEnd = mostly(fields.ends, fields.oddEnds, 200)

/** How the body is framed: as it should be, or as somebody else sees it. */
type Framing = 'none' | 'sized' | 'chunked' | 'odd-chunks' | 'odd-fields'
const framing: fc.Arbitrary<Framing> = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Framing>('none') },
  { weight: 6, arbitrary: fc.constant<Framing>('sized') },
  { weight: 6, arbitrary: fc.constant<Framing>('chunked') },
  { weight: 3, arbitrary: fc.constant<Framing>('odd-chunks') },
  { weight: 2, arbitrary: fc.constant<Framing>('odd-fields') },
)

const parts = fc.record({
  method: mostly(lines.methods, lines.oddMethods),
  target: mostly(lines.targets, lines.oddTargets, 6),
  version: mostly(lines.versions, lines.oddVersions),
  separators: fc.tuple(
    mostly(lines.separators, lines.oddSeparators, 120),
    mostly(lines.separators, lines.oddSeparators, 120),
  ),
  host: mostly(fields.hosts, fields.oddHosts),
  credential: mostly(fields.credentials, fields.oddCredentials, 5),
  others: fc.array(anyField, { maxLength: 4 }),
  order: fc.nat(1_000),
  ends: fc.array(lineEnd, { minLength: 9, maxLength: 9 }),
  framing,
  oddFraming: fc.constantFrom(...fields.framing),
  plain: fc.constantFrom(...bodies.plain),
  chunked: fc.constantFrom(...bodies.chunked),
  oddChunked: fc.constantFrom(...bodies.oddChunked),
})
type Parts = typeof parts extends fc.Arbitrary<infer T> ? T : never

const request = parts.map(written)

function written(what: Parts): string {
  const { method, target, version, separators, host, credential, others, order, ends } = what
  const body = bodyOf(what)
  const head = rotated([host, credential, ...body.fields, ...others], order).filter(line => line !== '')
  const first = `${method}${separators[0]}${target}${separators[1]}${version}`
  const all = [first, ...head, ''].map((line, at) => line + (ends[at % ends.length] ?? '\r\n'))
  return all.join('') + body.text
}

function bodyOf({ framing: kind, plain, chunked, oddChunked, oddFraming }: Parts): { fields: string[]; text: string } {
  switch (kind) {
    case 'none':
      return { fields: [], text: '' }
    case 'sized':
      return { fields: [`Content-Length: ${lengthOf(plain)}`], text: plain }
    case 'chunked':
      return { fields: ['Transfer-Encoding: chunked'], text: chunked }
    case 'odd-chunks':
      return { fields: ['Transfer-Encoding: chunked'], text: oddChunked }
    case 'odd-fields':
      return { fields: [oddFraming], text: oddFraming.toLowerCase().includes('chunked') ? chunked : plain }
  }
}

const tokenLength = createAccess().token().length

/** Length of what is sent, where the word for the token stands for something longer. */
function lengthOf(text: string): number {
  return text.length + (text.split(tokenPlace).length - 1) * (tokenLength - tokenPlace.length)
}

function rotated<T>(items: readonly T[], by: number): T[] {
  const at = by % items.length
  return [...items.slice(at), ...items.slice(0, at)]
}

const connection = fc.oneof(
  { weight: 9, arbitrary: fc.array(request, { minLength: 1, maxLength: 4 }).map(all => all.join('')) },
  // The guard does not read a head again that came before; a change behind it hits one of them.
  {
    weight: 3,
    arbitrary: fc.tuple(request, fc.integer({ min: 3, max: 5 })).map(([text, times]) => text.repeat(times)),
  },
  { weight: 2, arbitrary: fc.constantFrom(...gadgets.map(({ text }) => text)) },
  { weight: 1, arbitrary: fc.tuple(request, fc.constantFrom(...gadgets)).map(([text, gadget]) => text + gadget.text) },
)
const cuts = fc.oneof(
  { weight: 6, arbitrary: fc.constant<number[]>([]) },
  { weight: 2, arbitrary: fc.array(fc.nat(400), { minLength: 1, maxLength: 4 }) },
  { weight: 1, arbitrary: fc.array(fc.nat(24_000), { minLength: 2, maxLength: 6 }) },
)

const input: fc.Arbitrary<Omit<Input, 'name'>> = fc
  .tuple(connection, mutations, cuts, fc.nat(9))
  .map(([text, changes, places, ending]) => ({
    text: mutated(text, changes),
    cuts: places,
    ending: ending === 0 ? ('at-once' as const) : ('after-answers' as const),
  }))
  // From there on the connection would speak HTTP/2, whose frames have tests of their own.
  .filter(({ text }) => !text.startsWith('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'))

/** The inputs of one batch: the same for the same seed and number, whatever came before. */
export function batch(seed: number, number: number, size: number): Input[] {
  return fc
    .sample(input, { seed: (Math.imul(seed, 0x9e3779b1) ^ number) | 0, numRuns: size })
    .map((what, at) => ({ ...what, name: `seed ${seed}, batch ${number}, input ${at}` }))
}

/** Every gadget as it is, in one piece and byte by byte where it is short. */
export function knownInputs(): Input[] {
  return gadgets.flatMap(({ name, text }) => [
    { name, text, cuts: [], ending: 'after-answers' as const },
    { name: `${name}, in pieces`, text, cuts: piecesOf(text), ending: 'after-answers' as const },
  ])
}

function piecesOf(text: string): number[] {
  const step = Math.max(1, Math.floor(text.length / 40))
  return Array.from({ length: Math.floor(text.length / step) }, (_, at) => at * step)
}
