import type { Verdict } from '../enforce/authorize.ts'
import { isKeyHeader } from '../enforce/forward-head.ts'
import type { AskedOfProxy } from './asked.ts'
import type { Peer } from './peers/peers.ts'

/**
 * The verdict, or a refusal where the app would see an API key: in a header that its proxy does not take off. Envoy is told
 * by name what to take off, of the others their peer has to say so.
 */
export function withKeyHeld(verdict: Verdict, { names }: AskedOfProxy, { proxy, keyHeaders = [] }: Peer): Verdict {
  const header = verdict.snapshot?.service?.apiKey?.header
  if (!verdict.pass || header === undefined || proxy === 'Envoy' || keyHeaders.includes(header)) return verdict
  if (!names.some(name => isKeyHeader(name, header))) return verdict
  const detail = `This proxy is not known to take the header ${header} off before the app: keyHeaders of its peer would have to say so.`
  return { ...verdict, pass: false, decision: { allow: false, reason: 'credential_unsupported', detail } }
}
