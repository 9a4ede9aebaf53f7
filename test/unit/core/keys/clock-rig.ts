import type { AccessKey } from '../../../../core/api/access-key.ts'
import { accessKeyOf, at, createStore, type Store } from './access-key-store.ts'

export const day = 86_400

/** A store whose AccessKey the API server says it made at the start. */
export function storeOf(spec: Partial<AccessKey['spec']> = {}): Store {
  const key = accessKeyOf(spec)
  return createStore({ ...key, metadata: { ...key.metadata, creationTimestamp: at(0) } })
}

export const keysOf = (store: Store) => store.accessKey.status?.keys ?? []
