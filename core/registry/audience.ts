import type { GuardedService } from '../api/guarded-service.ts'
import { audienceOf } from './ids.ts'

/**
 * Why a service may not have its audience, as a sentence; undefined when it may.
 * `https://<name>.<namespace>.svc…` belongs to the GuardedService of that name there; the issuer's own URLs are the
 * audiences of assertions and snapshot tokens; the API server's would let a token for a service act in the cluster.
 */
export function reservedAudience(
  service: GuardedService,
  rules: { readonly issuerUrl: string; readonly reservedAudiences: readonly string[] },
): string | undefined {
  const audience = audienceOf(service)
  if (rules.reservedAudiences.includes(audience)) {
    return `The audience ${audience} belongs to the API server. Choose another one.`
  }
  if (audience === rules.issuerUrl || audience.startsWith(`${rules.issuerUrl}/`)) {
    return `The audience ${audience} belongs to the issuer. Choose another one.`
  }
  const owner = clusterName(audience)
  if (owner === 'kubernetes.default') return `The audience ${audience} belongs to the API server. Choose another one.`
  const { name, namespace } = service.metadata
  if (owner === undefined || owner === `${name}.${namespace}`) return undefined
  return `The audience ${audience} is reserved for the GuardedService of that name and namespace. Choose another one, or leave spec.audience out.`
}

/** Whether services of several namespaces may ask for it: the form of the cluster's names belongs to one service each. */
export function isChosenAudience(audience: string): boolean {
  return clusterName(audience) === undefined
}

/** What stands before `.svc` in a host name of the cluster's form, else undefined. */
function clusterName(audience: string): string | undefined {
  const host = /^https:\/\/([^/:]*)/.exec(audience)?.[1] ?? ''
  const labels = host.split('.')
  const at = labels.indexOf('svc', 2)
  return at === -1 ? undefined : labels.slice(0, at).join('.')
}
