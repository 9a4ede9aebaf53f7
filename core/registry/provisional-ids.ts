import type { ApiClient } from '../api/api-client.ts'
import { apiVersion } from '../api/kind.ts'
import type { ManifestObject } from './manifest-objects.ts'

/**
 * The clients of manifests whose ids a cluster would make otherwise: an id that nobody chose is made from the uid of its
 * namespace, and these manifests do not say it. A guard without a cluster makes such an id from the namespace's name.
 * @returns `namespace/name` of each
 */
export function provisionalIds(objects: readonly ManifestObject[]): Set<string> {
  const known = new Set(
    objects.flatMap(({ kind, apiVersion: version, metadata: { name, uid } }) =>
      kind === 'Namespace' && version === 'v1' && uid !== undefined ? [name] : [],
    ),
  )
  const clients = objects.filter(
    (object): object is ManifestObject & Pick<ApiClient, 'spec'> =>
      object.kind === 'ApiClient' && object.apiVersion === apiVersion,
  )
  const unknown = clients.flatMap(({ metadata: { namespace = 'default', name }, spec }) =>
    spec.clientId !== undefined || known.has(namespace) ? [] : [`${namespace}/${name}`],
  )
  return new Set(unknown)
}
