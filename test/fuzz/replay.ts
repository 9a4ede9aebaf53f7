import { createHash } from 'node:crypto'
import { askOrigin } from './origins/ask-origin.ts'
import { mayRefuse, refusalOf } from './origins/refusals.ts'
import type { Origin, Seen } from './origins/seen.ts'
import type { ReadRequest } from './read-requests.ts'
import type { Forward } from './recorder.ts'

/** A forwarded request as an origin is to see it. */
export interface Shape {
  readonly raw: string
  readonly request: ReadRequest
}

/** An origin that saw something else than what was decided. */
export interface Difference {
  readonly shape: Shape
  readonly what: string
}

/** What comes after each replay: an origin that took too much or too little for the body does not see it. */
const after = 'GET /open/after HTTP/1.1\r\nHost: orders\r\nConnection: close\r\n\r\n'

export function shapeOf({ kind, request, raw }: Forward): Shape | undefined {
  return kind === 'request' && request ? { raw, request } : undefined
}

/** The same for requests that differ in nothing but who asked and by which number. */
export function shapeKey({ raw }: Shape): string {
  const masked = raw.replace(/^(x-forwarded-for|x-request-id): .*\r$/gim, '$1\r')
  return createHash('sha1').update(masked, 'latin1').digest('base64')
}

/** Sends shapes one after another on one connection to each origin, and looks at what each says that it saw. */
export async function replay(origins: readonly Origin[], shapes: readonly Shape[]): Promise<Difference[]> {
  const perOrigin = await Promise.all(origins.map(origin => replayAt(origin, shapes)))
  return perOrigin.flat()
}

async function replayAt(origin: Origin, shapes: readonly Shape[]): Promise<Difference[]> {
  // After a handshake, or a last request, nothing can be told from what comes next.
  const isLast = ({ request }: Shape): boolean => request.webSocket || request.closes || mayRefuse(origin, request)
  const alone = shapes.filter(isLast)
  const together = shapes.filter(shape => !isLast(shape))
  const found = together.length > 0 ? await replayRow(origin, together, after) : []
  const row = found.length > 0 ? await blamed(origin, together, found) : []
  return [...row, ...(await oneByOne(origin, alone, ''))]
}

/** What one request did to the next can be blamed on either: each is asked about by itself first. */
async function blamed(origin: Origin, shapes: readonly Shape[], found: Difference[]): Promise<Difference[]> {
  const alone = await oneByOne(origin, shapes, after)
  return alone.length > 0 ? alone : found
}

async function oneByOne(origin: Origin, shapes: readonly Shape[], end: string): Promise<Difference[]> {
  const found: Difference[] = []
  for (const shape of shapes) found.push(...(await replayRow(origin, [shape], end)))
  return found
}

/** How often a server may end the connection in the middle of one row. */
const mostCuts = 6

/**
 * A server may end a connection behind any answer; Envoy does, without saying so, when a third answer is ready before the
 * first two are written. Then the rest goes on on another one, behind the request that was answered last: each still
 * meets what the one before it left.
 */
async function replayRow(origin: Origin, shapes: readonly Shape[], end: string): Promise<Difference[]> {
  let from = 0
  for (let cuts = 0; ; cuts++) {
    const row = shapes.slice(from)
    const { differences, answered } = await replayOnce(origin, row, end)
    if (answered === undefined || answered === 0 || cuts === mostCuts) return differences
    from += answered - 1
  }
}

/** @returns `answered` only when the server ended the connection behind so many right answers, before the others */
async function replayOnce(
  origin: Origin,
  shapes: readonly Shape[],
  end: string,
): Promise<{ differences: Difference[]; answered?: number }> {
  const methods = [...shapes.map(({ request }) => request.method), ...(end ? ['GET'] : [])]
  const { answers, rest, wasClosed } = await askOrigin(origin, shapes.map(({ raw }) => raw).join('') + end, methods)
  const wrong = shapes.slice(0, answers.length).flatMap((shape, at) => {
    const what = differenceOf(origin, answers[at] as Seen | number, shape.request)
    return what === undefined ? [] : [{ shape, what: `${origin.name}: ${what}` }]
  })
  if (wrong.length > 0 || isWhole(answers, methods.length, end)) return { differences: wrong }
  const shape = shapes[Math.min(answers.length, shapes.length - 1)] as Shape
  const what =
    answers.length < shapes.length ? 'no answer' : `${answers.length - 1} requests, ${shapes.length} were sent`
  const differences = [{ shape, what: `${origin.name}: ${what}` }]
  const isCut = wasClosed && rest === '' && answers.length < methods.length
  return isCut ? { differences, answered: answers.length } : { differences }
}

function isWhole(answers: readonly (Seen | number)[], expected: number, end: string): boolean {
  const last = answers.at(-1)
  if (answers.length !== expected) return false
  return end === '' || (typeof last === 'object' && last.target === '/open/after' && last.body === '')
}

/** Fields that say how a message is framed on its own hop. */
const framing = new Set(['connection', 'content-length', 'transfer-encoding', 'upgrade'])
/** What Envoy adds of its own. */
const added = new Set(['x-forwarded-proto'])

function differenceOf(origin: Origin, seen: Seen | number, sent: ReadRequest): string | undefined {
  if (typeof seen === 'number') return refusalOf(origin, seen, sent)
  if (seen.method !== sent.method || seen.target !== sent.target) return `saw ${seen.method} ${seen.target}`
  if (seen.body !== sent.body) return `saw the body ${JSON.stringify(seen.body.slice(0, 200))}`
  if (seen.trailers > 0) return 'saw trailers'
  return fieldDifference(seen, sent)
}

/** Values of one name may have been joined, and empty members of the list left out: RFC 9110 sections 5.3 and 5.6.1. */
function fieldDifference(seen: Seen, sent: ReadRequest): string | undefined {
  const before = joined(sent.fields.map(({ name, value }) => [name, value]))
  const after = joined(seen.fields)
  for (const [name, value] of after) {
    if (framing.has(name) || added.has(name)) continue
    if (before.get(name) !== value) return `saw ${name}: ${value.slice(0, 200)}`
  }
  const untold = [...before.keys()].find(name => /^(latchkey-|host$)/.test(name) && !after.has(name))
  return untold && `did not see ${untold}`
}

function joined(fields: readonly (readonly [string, string])[]): Map<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of fields) {
    const lower = name.toLowerCase()
    const before = values.get(lower)
    values.set(lower, before === undefined ? value : `${before},${value}`)
  }
  return new Map([...values].map(([name, value]) => [name, membersOf(name, value)]))
}

/** What the guard says of the caller must come through as it is. */
function membersOf(name: string, list: string): string {
  const members = list.split(',').map(member => member.replace(/^[\t ]+|[\t ]+$/g, ''))
  return members.filter(member => member !== '' || name.startsWith('latchkey-')).join(',')
}

/** Two origins agree when they saw the same requests. */
export function summaryOf(answers: readonly (Seen | number)[]): string {
  return answers
    .map(answer =>
      typeof answer === 'number'
        ? answer < 400
          ? answer
          : 'refused'
        : `${answer.method} ${answer.target} ${answer.body}`,
    )
    .join(' | ')
}
