import { serviceName } from '../../enforce/settings.ts'
import { type AskedFault, type AskedOfProxy, readAsked } from '../asked.ts'
import type { ProxyKind } from '../peers/peers.ts'
import { secretHeader } from '../peers/prove-peer.ts'

/** A request to the check endpoint, before it is known who sends it. */
export interface HttpCheck {
  readonly service: string | undefined
  /** What follows the service in the path, byte for byte. */
  readonly rest: string
  readonly method: string
  /** Name, value, name, value, as sent. */
  readonly raw: readonly string[]
}

const pathForm = /^\/check\/([^/?#]{1,63}\/[^/?#]{1,253})(.*)$/s

/** The service is in the path, which the proxy's configuration fixes: `/check/<namespace>/<service>`. */
export function readHttpCheck(method: string, url: string, raw: readonly string[]): HttpCheck {
  const [, name = '', rest = ''] = pathForm.exec(url) ?? []
  return { service: serviceName(name), rest, method, raw }
}

/** Where each kind of proxy tells what was asked. Envoy appends the path to that of the check, and keeps the method. */
const forwardedFields: Readonly<
  Record<Exclude<ProxyKind, 'Envoy'>, { readonly method: string; readonly target: string }>
> = {
  Nginx: { method: 'x-original-method', target: 'x-original-uri' },
  HAProxy: { method: 'x-original-method', target: 'x-original-uri' },
  Traefik: { method: 'x-forwarded-method', target: 'x-forwarded-uri' },
}

/**
 * What the caller asked for, in the words of this kind of proxy and no other: a caller can add a header that its proxy
 * passes on, but not one that its proxy writes.
 */
export function readForwarded({ rest, method, raw }: HttpCheck, proxy: ProxyKind): AskedOfProxy | AskedFault {
  if (proxy === 'Envoy') return readAsked({ method, target: rest }, pairsOf(raw))
  if (rest !== '') return { detail: `For ${proxy} the check has no path of the request's.` }
  const names = forwardedFields[proxy]
  const line = { method: one(raw, names.method), target: one(raw, names.target) }
  if (line.method === undefined || line.target === undefined) {
    return { detail: `The proxy has to send ${names.method} and ${names.target}, each once.` }
  }
  if (proxy === 'Traefik' && !isHost(all(raw, 'x-forwarded-host'))) {
    return { detail: 'The proxy has to send x-forwarded-host at most once, with a host.' }
  }
  const own = new Set([names.method, names.target])
  return readAsked(
    { method: line.method, target: line.target },
    pairsOf(raw).filter(([name]) => !own.has(name.toLowerCase())),
  )
}

/** Every value of the header by which a peer proves itself. */
export function secretsIn(raw: readonly string[]): string[] {
  return all(raw, secretHeader)
}

/** Nothing is decided by it; but a second one would mean that somebody else writes the proxy's headers. */
function isHost([host, second]: readonly string[]): boolean {
  return second === undefined && (host === undefined || /^[A-Za-z0-9.:[\]_-]{1,260}$/.test(host))
}

function one(raw: readonly string[], name: string): string | undefined {
  const [value, second] = all(raw, name)
  return second === undefined ? value : undefined
}

function all(raw: readonly string[], name: string): string[] {
  return pairsOf(raw).flatMap(([sent, value]) => (sent.toLowerCase() === name ? [value] : []))
}

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let at = 0; at + 1 < raw.length; at += 2) pairs.push([raw[at] as string, raw[at + 1] as string])
  return pairs
}
