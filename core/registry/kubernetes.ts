import type { Metadata } from '../api/kind.ts'

/** Built-in objects, as far as the rules read them. */
export interface NamespaceObject {
  readonly metadata: Metadata
}

export interface ServiceObject {
  readonly metadata: Metadata
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>
    readonly ports?: readonly {
      readonly name?: string
      readonly port: number
      readonly targetPort?: number | string
    }[]
  }
}

export interface ServiceAccountObject {
  readonly metadata: Metadata
}

export interface PodObject {
  readonly metadata: Metadata
  readonly spec?: {
    readonly serviceAccountName?: string
    readonly initContainers?: readonly { readonly name: string }[]
  }
  readonly status?: {
    readonly phase?: string
    readonly initContainerStatuses?: readonly ContainerStatus[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

export interface ContainerStatus {
  readonly name: string
  readonly state?: { readonly running?: object }
}

export interface ConfigMapObject {
  readonly metadata: Metadata
  readonly data?: Readonly<Record<string, string>>
  /** Base64. */
  readonly binaryData?: Readonly<Record<string, string>>
}
