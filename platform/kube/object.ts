export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  labels?: Record<string, string>
  annotations?: Record<string, string>
  ownerReferences?: OwnerReference[]
  finalizers?: string[]
  managedFields?: unknown[]
  generateName?: string
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

export interface KubeObject {
  apiVersion?: string
  kind?: string
  metadata: ObjectMeta
}

/** A resource as the API server serves it. */
export interface Resource {
  /** `''` is the core group. */
  group: string
  version: string
  plural: string
  kind: string
  namespaced: boolean
}

/** RFC 3339 with exactly six decimals: Kubernetes' MicroTime refuses any other number of them. */
export function microTime(time: Date): string {
  return time.toISOString().replace('Z', '000Z')
}
