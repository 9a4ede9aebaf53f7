import type { AuthorizationRequest } from '../core/credential/entry.ts'
import type { FieldName } from '../platform/wire/fields/field-name.ts'
import { isReserved } from '../platform/wire/fields/reserved-fields.ts'

/** What a caller asked a proxy for, as the proxy tells it. */
export interface AskedOfProxy extends AuthorizationRequest {
  readonly requestId: string | undefined
  /** Lower-case names of headers the caller sent that no app may see from a caller. */
  readonly reserved: readonly string[]
}

/** Why what a proxy tells cannot be read in one way only. Never repeats what was sent. */
export interface AskedFault {
  readonly detail: string
}

/** Header fields, names in any case. */
export interface HeaderFields {
  readonly fields: readonly FieldName[]
  readonly values: readonly string[]
}

const method = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const requestIdForm = /^[A-Za-z0-9._-]{1,64}$/
export const maxTargetLength = 8_192

/** Headers that proxies write themselves. What a caller sends under these names is for the proxy to drop. */
const proxysOwn = /^(x-envoy-.*|x-forwarded-(for|host|port|proto)|x-request-id|x-real-ip|x-scheme|forwarded)$/

const none: ReadonlySet<string> = new Set()

/**
 * @param fields of the headers as the proxy has them, duplicates kept; `values` runs beside it
 * @param told lower-case names by which this proxy tells what was asked: they are its own
 * @returns the one reading of what was asked, or why there is none. Pure.
 */
export function readAsked(
  line: { method: string; target: string },
  { fields, values }: HeaderFields,
  told = none,
): AskedOfProxy | AskedFault {
  if (!method.test(line.method) || line.method === 'CONNECT' || line.method === 'TRACE') {
    return { detail: 'This method is not taken here.' }
  }
  if (line.target.length > maxTargetLength) return { detail: `The target is longer than ${maxTargetLength} bytes.` }
  if (!line.target.startsWith('/'))
    return { detail: 'Send the target in origin form: a path that begins with a slash.' }
  let authorization: string | undefined
  let id: string | undefined
  const names: string[] = []
  const held: string[] = []
  const reserved: string[] = []
  for (let at = 0; at < fields.length; at++) {
    const { lower, holdsCredential } = fields[at] as FieldName
    const value = values[at] as string
    if (lower === 'authorization') {
      if (authorization !== undefined) return { detail: 'Send the header authorization once.' }
      authorization = value
    } else if (holdsCredential) {
      names.push(lower)
      held.push(value)
    } else if (lower === 'x-request-id') id = value
    else if (isReserved(lower) && !told.has(lower) && !proxysOwn.test(lower) && !reserved.includes(lower))
      reserved.push(lower)
    else {
      names.push(lower)
      held.push(value)
    }
  }
  const requestId = id !== undefined && requestIdForm.test(id) ? id : undefined
  const { method: asked, target } = line
  return { method: asked, target, authorization, names, values: held, requestId, reserved }
}
