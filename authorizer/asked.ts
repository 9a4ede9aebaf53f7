import type { AuthorizationRequest } from '../core/credential/entry.ts'
import { credentialHeaders } from '../core/credential/read.ts'
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

/** Names as the proxy has them, in any case, duplicates kept. */
export type HeaderPairs = Iterable<readonly [name: string, value: string]>

const method = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/
const requestId = /^[A-Za-z0-9._-]{1,64}$/
export const maxTargetLength = 8_192

/** Headers that proxies write themselves. What a caller sends under these names is for the proxy to drop. */
const proxysOwn = /^(x-envoy-.*|x-forwarded-(for|host|port|proto)|x-request-id|x-real-ip|x-scheme|forwarded)$/

/** @returns the one reading of what was asked, or why there is none. Pure. */
export function readAsked(line: { method: string; target: string }, headers: HeaderPairs): AskedOfProxy | AskedFault {
  if (!method.test(line.method) || line.method === 'CONNECT' || line.method === 'TRACE') {
    return { detail: 'This method is not taken here.' }
  }
  if (line.target.length > maxTargetLength) return { detail: `The target is longer than ${maxTargetLength} bytes.` }
  if (!line.target.startsWith('/'))
    return { detail: 'Send the target in origin form: a path that begins with a slash.' }
  let authorization: string | undefined
  let id: string | undefined
  const names: string[] = []
  const values: string[] = []
  const reserved = new Set<string>()
  for (const [sent, value] of headers) {
    const name = sent.toLowerCase()
    if (name === 'authorization') {
      if (authorization !== undefined) return { detail: 'Send the header authorization once.' }
      authorization = value
    } else if (credentialHeaders.has(name)) {
      names.push(name)
      values.push(value)
    } else if (name === 'x-request-id') id = value
    else if (isReserved(name) && !proxysOwn.test(name)) reserved.add(name)
  }
  const known = id !== undefined && requestId.test(id) ? id : undefined
  return { ...line, authorization, names, values, requestId: known, reserved: [...reserved] }
}
