import type { AccessKey } from '../../../../core/api/access-key.ts'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import { type SecretObject, secretFile } from '../../../../core/keys/secret-data.ts'
import { accessKeyOf, clientOf, createStore, type Store, settle, start } from './access-key-store.ts'

export const hour = 3_600

/** A moment after `start`. */
export const at = (seconds: number): string => new Date((start + seconds) * 1_000).toISOString().replace('.000Z', 'Z')
export const states = (store: Store) => (store.accessKey.status?.keys ?? []).map(key => key.state)
export const kidOf = (secret: SecretObject | undefined) => secret && secretFile(secret, 'key-id')
export const conditionOf = (store: Store, type: string) =>
  store.accessKey.status?.conditions?.find(one => one.type === type)

/** A key in use, of a client of this type. */
export async function minted(
  spec: Partial<AccessKey['spec']> = {},
  type: NonNullable<ApiClient['spec']['type']> = 'Workload',
): Promise<Store> {
  const store = createStore(accessKeyOf(spec))
  store.client = clientOf({ type })
  await settle(store)
  return store
}

/** One whose next key is published and waits. */
export async function staged(spec: Partial<AccessKey['spec']> = {}): Promise<Store> {
  const store = await minted(spec)
  store.now += 10
  store.edit({ rotation: { ...spec.rotation, requestedAt: at(store.now - start) } })
  await settle(store)
  return store
}
