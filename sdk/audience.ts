import { defaultAudience } from '../core/base/ids.ts'

const label = '[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?'
const serviceHost = new RegExp(`^(${label})\\.(${label})(?:\\.(svc)(?:\\.(.+))?)?$`)

/**
 * The default audience of a GuardedService, `https://<name>.<namespace>.svc`, derived from the host that is called.
 * Known are `<name>.<namespace>.svc`, the same followed by the cluster's domain, and, over plain http only,
 * `<name>.<namespace>`: with https that form is far more often a public host such as `github.com`.
 * @returns undefined for every other host: no token may go there
 */
export function serviceAudience(url: URL, clusterDomain = 'cluster.local'): string | undefined {
  // A final dot is the same name, fully qualified: RFC 1034 section 3.1.
  const [, name, namespace, svc, domain] = serviceHost.exec(url.hostname.replace(/\.$/, '')) ?? []
  if (name === undefined || namespace === undefined) return undefined
  if (svc === undefined) return url.protocol === 'http:' ? defaultAudience(namespace, name) : undefined
  // `orders.shop.svc.evil.example` is somebody else's host, who could replay the token at the real service.
  if (domain !== undefined && domain !== clusterDomain) return undefined
  return defaultAudience(namespace, name)
}
