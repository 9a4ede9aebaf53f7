import type { CheckedIdentity } from '../core/base/identity.ts'
import { credentialTable } from '../core/credential/table.ts'
import type { Decision } from '../core/policy/decision.ts'
import type { FieldName } from '../platform/wire/fields/field-name.ts'
import { inOnePiece } from '../platform/wire/fields/one-piece.ts'
import { foldName } from '../platform/wire/fields/reserved-fields.ts'
import type { RequestHead } from '../platform/wire/read-request.ts'
import type { CallTrace } from './report/trace.ts'

/** What the forwarded head says besides what the client sent. */
export interface Forwarded {
  /** All that is said of the caller comes from it. */
  readonly decision: Decision
  readonly keepCredential: 'Never' | 'Jwt'
  /** The header of the service in which API keys stand: no app sees it, whoever sent it. */
  readonly keyHeader?: string | undefined
  readonly requestId: string
  /** Of the caller, as the socket has it. */
  readonly address: string
  /** The span of this call, which takes the place of the caller's as the app's parent. */
  readonly trace?: CallTrace | undefined
}

/**
 * The head the app receives, as flat name, value pairs. What ends here goes first, on every branch; ours are set
 * after, so that nothing a client lists in Connection can take them away.
 */
export function forwardHead(head: RequestHead, forwarded: Forwarded): string[] {
  const { decision, keepCredential } = forwarded
  const out = callerFields(head, {
    keepsToken: keepsToken(decision, keepCredential),
    trace: forwarded.trace,
    keyHeader: forwarded.keyHeader,
  })
  out.push('X-Forwarded-For', forwarded.address, 'X-Request-Id', forwarded.requestId)
  if (forwarded.trace) out.push('traceparent', forwarded.trace.traceparent)
  pushIdentity(out, decision)
  return out
}

/** Their bodies are read by every app. */
const withBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/**
 * Whether the app is told that its connection ends with this request. An app that does not read a body, as one of GET,
 * takes it for the next request: whoever wrote it could claim to be anybody. After this request there is no next one.
 * Bodies of callers who prove nothing are never followed by anything.
 */
export function isLastRequest({ method, body }: RequestHead, { identity }: Decision): boolean {
  return body !== 'none' && (identity === undefined || !withBody.has(method))
}

/** Whether the app gets the credential too. */
export function keepsToken({ identity }: Decision, keepCredential: Forwarded['keepCredential'] | undefined): boolean {
  return keepCredential === 'Jwt' && identity !== undefined && credentialTable[identity.credential].isSigned
}

/** What decides on the fields of the caller. */
export interface Passing {
  readonly keepsToken: boolean
  readonly trace: CallTrace | undefined
  readonly keyHeader: string | undefined
}

/** What passes of the fields that the caller sent. */
export function callerFields(head: RequestHead, { keepsToken, trace, keyHeader }: Passing): string[] {
  const { names, fields, values, connection } = head
  const out: string[] = []
  for (let at = 0; at < names.length; at++) {
    const field = fields[at] as FieldName
    if (field.endsHere) continue
    const name = names[at] as string
    if (trace && (name === 'traceparent' || (name === 'tracestate' && !trace.keepsState))) continue
    if (field.holdsCredential) {
      if (keepsToken) out.push(name === 'authorization' ? 'Authorization' : field.sent, values[at] as string)
      continue
    }
    if (connection.size > 0 && connection.has(name)) continue
    if (keyHeader !== undefined && isKeyHeader(name, keyHeader)) continue
    out.push(field.sent, values[at] as string)
  }
  return out
}

/** Whether some app reads a name as that of the header in which API keys stand. Names in lower case. */
export function isKeyHeader(name: string, keyHeader: string): boolean {
  return name === keyHeader || (name.length === keyHeader.length && foldName(name) === foldName(keyHeader))
}

/** The last fields of each identity: a caller that comes again with the same grant is told of in the same words. */
const lastFields = new WeakMap<CheckedIdentity, IdentityFields>()

interface IdentityFields {
  readonly roles: unknown
  readonly attributes: unknown
  readonly fields: readonly string[]
  /** The same as lines of HTTP/1. */
  readonly lines: string
}

/** Whom the app is told of, as flat name, value pairs. */
export function pushIdentity(out: string[], decision: Decision): void {
  if (decision.identity) out.push(...fieldsOf(decision.identity, decision).fields)
}

/** The same as lines of HTTP/1. */
export function identityLines(decision: Decision): string {
  return decision.identity ? fieldsOf(decision.identity, decision).lines : ''
}

function fieldsOf(identity: CheckedIdentity, decision: Decision): IdentityFields {
  const roles = decision.allow ? decision.roles : undefined
  const attributes = decision.allow ? decision.attributes : undefined
  let last = lastFields.get(identity)
  if (last?.roles !== roles || last?.attributes !== attributes || !last) {
    const fields = identityFields(identity, roles, attributes)
    last = { roles, attributes, fields, lines: inOnePiece(linesOf(fields)) }
    lastFields.set(identity, last)
  }
  return last
}

/** Flat name, value pairs as lines of HTTP/1. */
export function linesOf(fields: readonly string[]): string {
  let lines = ''
  for (let at = 0; at + 1 < fields.length; at += 2) lines += `${fields[at]}: ${fields[at + 1]}\r\n`
  return lines
}

function identityFields(
  identity: CheckedIdentity,
  roles: readonly string[] | undefined,
  attributes: Readonly<Record<string, string>> | undefined,
): readonly string[] {
  const out = ['Latchkey-Client', encode(identity.clientId), 'Latchkey-Subject', encode(identity.subject)]
  if (roles && roles.length > 0) out.push('Latchkey-Roles', roles.map(encode).join(', '))
  if (identity.scopes.length > 0) out.push('Latchkey-Scopes', identity.scopes.map(encode).join(', '))
  if (attributes && Object.keys(attributes).length > 0) {
    const pairs = Object.entries(attributes).map(([key, value]) => `${encode(key)}=${encode(value)}`)
    out.push('Latchkey-Attributes', pairs.join(', '))
  }
  return out
}

const plain = /^[A-Za-z0-9._~:/@*+-]*$/

/** Percent-encodes all but plain characters: no comma, quote, space or line end can come through. */
function encode(value: string): string {
  if (plain.test(value)) return value
  return encodeURIComponent(value.toWellFormed())
    .replace(/['()!]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%(3A|2F|40|2B)/g, escaped => decodeURIComponent(escaped))
}
