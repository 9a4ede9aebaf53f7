import type { KubeObject, Resource } from './object.ts'

/** `v1`, or `group/version`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
}

/** The object with the resource's own `apiVersion` and `kind`. */
export function identified<T extends KubeObject>(resource: Resource, object: T): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind }
}

/**
 * The URL path of a collection or of one object.
 * @throws Error on an empty name or a missing namespace: the path left would be that of the whole collection
 */
export function pathOf(resource: Resource, namespace: string | undefined, name?: string): string {
  if (name === '' || (name !== undefined && resource.namespaced && !namespace)) {
    throw new Error(`${resource.plural}: an object needs a name${resource.namespaced ? ' and a namespace' : ''}`)
  }
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${apiVersionOf(resource)}`
  const within = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${within}/${resource.plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`
}

/** The path of this object. */
export function pathOfObject(resource: Resource, object: KubeObject): string {
  return pathOf(resource, object.metadata.namespace, object.metadata.name)
}

/** A query string of what is given, with its question mark. */
export function search(query: Record<string, string | number | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}
