import { serviceName } from '../../enforce/settings.ts'
import type { PlainHead } from '../../platform/wire/read-plain-head.ts'
import { type AskedFault, type AskedOfProxy, type HeaderFields, readAsked } from '../asked.ts'
import type { ProxyKind } from '../peers/peers.ts'
import { secretHeader } from '../peers/prove-peer.ts'

/** A request to the check endpoint, before it is known who sends it. */
export interface HttpCheck extends HeaderFields {
  readonly service: string | undefined
  /** What follows the service in the path, byte for byte. */
  readonly rest: string
  readonly method: string
}

const pathForm = /^\/check\/([^/?#]{1,63}\/[^/?#]{1,253})(.*)$/s

/** The service is in the path, which the proxy's configuration fixes: `/check/<namespace>/<service>`. */
export function readHttpCheck(head: Pick<PlainHead, 'method' | 'target' | 'fields' | 'values'>): HttpCheck {
  const { method, target, fields, values } = head
  const [, name = '', rest = ''] = pathForm.exec(target) ?? []
  return { service: serviceName(name), rest, method, fields, values }
}

/** Where each kind of proxy tells what was asked. Envoy appends the path to that of the check, and keeps the method. */
const forwardedFields: Readonly<Record<Exclude<ProxyKind, 'Envoy'>, ForwardedFields>> = {
  Nginx: forwarded('x-original-method', 'x-original-uri'),
  HAProxy: forwarded('x-original-method', 'x-original-uri'),
  Traefik: forwarded('x-forwarded-method', 'x-forwarded-uri'),
}

interface ForwardedFields {
  readonly method: string
  readonly target: string
  readonly both: ReadonlySet<string>
}

function forwarded(method: string, target: string): ForwardedFields {
  return { method, target, both: new Set([method, target]) }
}

/**
 * What the caller asked for, in the words of this kind of proxy and no other: a caller can add a header that its proxy
 * passes on, but not one that its proxy writes.
 */
export function readForwarded(check: HttpCheck, proxy: ProxyKind): AskedOfProxy | AskedFault {
  const { rest } = check
  if (proxy === 'Envoy') return readAsked({ method: check.method, target: rest }, check)
  if (rest !== '') return { detail: `For ${proxy} the check has no path of the request's.` }
  const names = forwardedFields[proxy]
  const method = one(check, names.method)
  const target = one(check, names.target)
  if (method === undefined || target === undefined) {
    return { detail: `The proxy has to send ${names.method} and ${names.target}, each once.` }
  }
  if (proxy === 'Traefik' && !isHost(all(check, 'x-forwarded-host'))) {
    return { detail: 'The proxy has to send x-forwarded-host at most once, with a host.' }
  }
  return readAsked({ method, target }, check, names.both)
}

/** Every value of the header by which a peer proves itself. */
export function secretsIn(headers: HeaderFields): string[] {
  return all(headers, secretHeader)
}

/** Nothing is decided by it; but a second one would mean that somebody else writes the proxy's headers. */
function isHost([host, second]: readonly string[]): boolean {
  return second === undefined && (host === undefined || /^[A-Za-z0-9.:[\]_-]{1,260}$/.test(host))
}

function one(headers: HeaderFields, name: string): string | undefined {
  const [value, second] = all(headers, name)
  return second === undefined ? value : undefined
}

function all({ fields, values }: HeaderFields, name: string): string[] {
  const found: string[] = []
  for (let at = 0; at < fields.length; at++) if (fields[at]?.lower === name) found.push(values[at] as string)
  return found
}
