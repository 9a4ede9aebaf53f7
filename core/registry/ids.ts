import { createHash } from 'node:crypto'
import type { ApiClient } from '../api/api-client.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import type { Metadata } from '../api/kind.ts'
import { installationLabel, organizationLabel } from '../api/labels.ts'
import { toBase32 } from '../base/base32.ts'
import { defaultAudience } from '../base/ids.ts'
import type { NamespaceObject } from './kubernetes.ts'

/**
 * The client id in force: the chosen one, or `sc_` and 26 characters that installation, namespace, name and, from the
 * second on, the identity decide. The same after prune and re-apply, another after the namespace was deleted and made
 * anew. Never read from status.
 */
export function clientIdOf(client: ApiClient, namespaceUid: string, installation: string): string {
  if (client.spec.clientId !== undefined) return client.spec.clientId
  return derivedId([installation, namespaceUid, client.metadata.name], client.spec.identity ?? 1)
}

/** Which identity of the client the id was of, before it was raised; undefined for any other id. */
export function earlierIdentity(
  clientId: string,
  client: ApiClient,
  namespaceUid: string,
  installation: string,
): number | undefined {
  if (client.spec.clientId !== undefined) return undefined
  const about = [installation, namespaceUid, client.metadata.name]
  for (let identity = (client.spec.identity ?? 1) - 1; identity >= 1; identity--) {
    if (derivedId(about, identity) === clientId) return identity
  }
  return undefined
}

function derivedId(about: readonly string[], identity: number): string {
  const digest = createHash('sha256').update(JSON.stringify(identity === 1 ? about : [...about, identity]))
  return `sc_${toBase32(digest.digest()).slice(0, 26)}`
}

/** `aud` that tokens for this service carry. */
export function audienceOf(service: GuardedService): string {
  return service.spec.audience ?? defaultAudience(service.metadata.namespace, service.metadata.name)
}

/** The installation whose objects a namespace holds. */
export function installationOf(namespace: NamespaceObject): string {
  return namespace.metadata.labels?.[installationLabel] ?? 'default'
}

/** The organization a namespace's clients belong to: set by whoever may label namespaces, not by the client. */
export function organizationOf(namespace: NamespaceObject): string | undefined {
  return namespace.metadata.labels?.[organizationLabel]
}

/** `namespace/name`, or `name` for cluster-scoped objects. */
export function keyOf(object: { readonly metadata: Metadata }): string {
  return referenceKey(object.metadata)
}

/** The same for a reference. */
export function referenceKey(reference: { readonly namespace?: string; readonly name: string }): string {
  return reference.namespace === undefined ? reference.name : `${reference.namespace}/${reference.name}`
}

/** Whether an object still counts: one that is being deleted is gone for every rule. */
export function isPresent(object: { readonly metadata: Metadata }): boolean {
  return object.metadata.deletionTimestamp === undefined
}

/** Order in which objects hold what only one can hold: the oldest first, then by uid, then by key. */
export function byAge(a: { readonly metadata: Metadata }, b: { readonly metadata: Metadata }): number {
  return (
    compare(a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? '') ||
    compare(a.metadata.uid ?? '', b.metadata.uid ?? '') ||
    compare(keyOf(a), keyOf(b))
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
