import type { AccessGrant } from '../api/access-grant.ts'
import type { AccessKey } from '../api/access-key.ts'
import type { ApiClient } from '../api/api-client.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import { apiVersion, type Metadata } from '../api/kind.ts'
import { installationLabel } from '../api/labels.ts'
import type { Role } from '../api/role.ts'
import { keyOf } from './ids.ts'
import type { ConfigMapObject, NamespaceObject, ServiceObject } from './kubernetes.ts'

/** An object as a manifest gives it, after its kind's schema accepted it. */
export interface ManifestObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: Metadata
}

/** Manifests by kind. */
export interface Manifests {
  readonly clients: readonly ApiClient[]
  readonly keys: readonly AccessKey[]
  readonly roles: readonly Role[]
  readonly grants: readonly AccessGrant[]
  readonly services: readonly GuardedService[]
  readonly configMaps: ReadonlyMap<string, ConfigMapObject>
  readonly namespaces: ReadonlyMap<string, NamespaceObject>
  readonly targets: ReadonlyMap<string, ServiceObject>
}

/**
 * Sorts manifests by kind and fills in what a cluster would know: the namespace `default` where none is given, the
 * Namespace of every object, and the Service behind every GuardedService. Other kinds are left out.
 */
export function sortManifests(given: readonly ManifestObject[], installation: string): Manifests {
  const objects = given.map(object =>
    object.kind === 'Namespace'
      ? object
      : { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? 'default' } },
  )
  // The schema of the kind was checked before; here the name of the kind is all that is known.
  const of = <T>(version: string, kind: string): T[] =>
    objects.filter(object => object.apiVersion === version && object.kind === kind) as T[]
  const services = of<GuardedService>(apiVersion, 'GuardedService')
  const named = objects.flatMap(object => object.metadata.namespace ?? [])
  return {
    clients: of(apiVersion, 'ApiClient'),
    keys: of(apiVersion, 'AccessKey'),
    roles: of(apiVersion, 'Role'),
    grants: of(apiVersion, 'AccessGrant'),
    services,
    configMaps: byKey(of<ConfigMapObject>('v1', 'ConfigMap')),
    namespaces: byKey([
      ...named.map(name => namespaceCalled(name, installation)),
      ...of<NamespaceObject>('v1', 'Namespace'),
    ]),
    targets: byKey([...services.map(targetFor), ...of<ServiceObject>('v1', 'Service')]),
  }
}

function namespaceCalled(name: string, installation: string): NamespaceObject {
  return { metadata: { name, labels: { [installationLabel]: installation } } }
}

function targetFor({ metadata: { namespace = 'default' }, spec: { targetRef } }: GuardedService): ServiceObject {
  const { name, port } = targetRef
  return {
    metadata: { name, namespace },
    spec: { ports: [typeof port === 'number' ? { port } : { name: port, port: 80 }] },
  }
}

function byKey<T extends { readonly metadata: Metadata }>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map(object => [keyOf(object), object]))
}
