import { type FieldName, singlesOf } from './fields/field-name.ts'
import { line, placeLine, readFields } from './read-head.ts'
import {
  badExpect,
  type FieldRules,
  fault,
  type HeadFault,
  isExpected,
  keepsOpen,
  type RequestHead,
  readBody,
  readConnection,
} from './read-request.ts'

/**
 * A head taken apart, of which only what frames the request was understood: for a request that is answered here, and tells of
 * another one in its fields.
 */
export interface PlainHead {
  readonly method: string
  readonly target: string
  /** In the order in which they came, duplicates kept. */
  readonly fields: readonly FieldName[]
  readonly values: readonly string[]
  readonly body: RequestHead['body']
  /** Bytes of a sized body; 0 for any other. */
  readonly length: number
  readonly expectContinue: boolean
  /** Whether its sender takes another answer on its connection. */
  readonly keepsOpen: boolean
}

/** Who passes on a caller's fields passes on their doubles, too; what frames the request itself comes once. */
const rules: FieldRules = { once: singlesOf(['host', 'content-length', 'transfer-encoding', 'expect']), most: 1_000 }

/** Reads a head by the same characters and line ends as any other. Parameters as of `readHead`. */
export function readPlainHead(bytes: Buffer, text: string, end: number): PlainHead | HeadFault {
  const broken = placeLine(bytes, text)
  if (broken) return broken.refused
  const { method, target, version } = line
  if (version !== '1.1' && version !== '1.0') return fault('Use HTTP/1.1.')
  const fields = readFields(bytes, text, line.next, end + 2, rules)
  if ('status' in fields) return fields
  // RFC 9112 section 3.2.
  if (version === '1.1' && fields.host === undefined) return fault('Send one Host header.')
  const connection = readConnection(fields.connection)
  if ('status' in connection) return connection
  const body = readBody(fields, version)
  if (typeof body !== 'string') return body
  const { expect } = fields
  if (!isExpected(expect)) return badExpect
  return {
    method,
    target,
    fields: fields.known,
    values: fields.values,
    body,
    length: body === 'sized' ? Number(fields.contentLength) : 0,
    expectContinue: expect !== undefined && version === '1.1',
    keepsOpen: keepsOpen(connection, version),
  }
}
