import { type Field, readFields } from './read-fields.ts'
import { valuesOf } from './read-requests.ts'

export interface ReadAnswer {
  readonly status: number
  readonly fields: readonly Field[]
  readonly body: string
}

/** The answers on a connection, in order, without informational ones but 101. `rest` is what is no whole answer. */
export interface Answers {
  readonly answers: readonly ReadAnswer[]
  readonly rest: string
}

const statusLine = /^HTTP\/1\.[01] ([1-5][0-9]{2})( [\t\x20-\x7e\x80-\xff]*)?$/

/**
 * Reads all that came back on a connection that has ended.
 * @param methods of the requests in order: an answer to HEAD has no body
 */
export function readAnswers(text: string, methods: readonly (string | undefined)[]): Answers {
  const answers: ReadAnswer[] = []
  let at = 0
  while (at < text.length) {
    const lineEnd = text.indexOf('\r\n', at)
    const status = Number(statusLine.exec(text.slice(at, lineEnd === -1 ? at : lineEnd))?.[1])
    const head = readFields(text, lineEnd + 2)
    if (!status || head.kind !== 'fields') break
    const body = status < 200 ? { body: '', next: head.next } : bodyOf(text, head, status, methods[answers.length])
    if (body === undefined) break
    at = body.next
    if (status < 200 && status !== 101) continue
    answers.push({ status, fields: head.fields, body: body.body })
    if (status === 101) break
  }
  return { answers, rest: text.slice(at) }
}

type Body = { readonly body: string; readonly next: number }

function bodyOf(
  text: string,
  { fields, next }: { fields: readonly Field[]; next: number },
  status: number,
  method: string | undefined,
): Body | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return { body: '', next }
  if (valuesOf(fields, 'transfer-encoding').length > 0) return dechunked(text, next)
  const [length] = valuesOf(fields, 'content-length')
  if (length === undefined) return { body: text.slice(next), next: text.length }
  const end = next + Number(length)
  if (end <= text.length) return { body: text.slice(next, end), next: end }
  // Nobody knows the method of what could not be read: its answer may be one to HEAD.
  return method === undefined && next === text.length ? { body: '', next } : undefined
}

function dechunked(text: string, from: number): Body | undefined {
  let body = ''
  let at = from
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    const size = /^[0-9A-Fa-f]+/.exec(text.slice(at, lineEnd === -1 ? at : lineEnd))?.[0]
    if (size === undefined) return undefined
    const length = Number.parseInt(size, 16)
    if (length === 0) {
      const trailers = readFields(text, lineEnd + 2)
      return trailers.kind === 'fields' ? { body, next: trailers.next } : undefined
    }
    body += text.slice(lineEnd + 2, lineEnd + 2 + length)
    at = lineEnd + 2 + length + 2
    if (at > text.length) return undefined
  }
}
