import type { Steps } from '../../core/base/steps.ts'
import { clientRow, noCredentials, type ServiceName } from '../../core/registry/client-row.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import { measuringRow } from './measure-row.ts'
import type { RowCache } from './row-cache.ts'
import type { Slice } from './slice.ts'

/** Puts clients' own rows in their place, in slices that have them and in those that are being made. */
export interface ClientRenewals {
  /** Who is gone proves nothing any more, whenever the slice is made: that may take seconds. */
  disarm(service: string, gone: readonly ResolvedClient[]): void
  /** Makes rows of clients in steps, so that the moment at which they are put in their place is a short one. */
  preparing(service: string, keys: readonly string[]): Steps<void>
  renew(service: string, keys: readonly string[]): void
}

/**
 * @param sliceOf the slice that is being made, or else the one there is
 * @param failed called with what went wrong with a service
 */
export function createClientRenewals(parts: {
  clients: ReadonlyMap<string, ResolvedClient>
  cache: Pick<RowCache, 'clientRow'>
  sliceOf: (service: string) => Pick<Slice, 'renew'> | undefined
  failed: (service: string, error: unknown) => void
}): ClientRenewals {
  const { clients, cache, sliceOf, failed } = parts
  return {
    disarm(service, gone) {
      sliceOf(service)?.renew(gone.map(client => clientRow(client, nameOf(service), noCredentials)))
    },
    *preparing(service, keys) {
      if (!sliceOf(service)) return
      const name = nameOf(service)
      for (const key of keys) {
        const client = clients.get(key)
        try {
          if (client?.accepted) yield* measuringRow(cache.clientRow(client, name))
        } catch {
          // Whoever puts it in its place meets the same fault, and knows what becomes of the slice.
        }
        yield
      }
    },
    renew(service, keys) {
      const name = nameOf(service)
      try {
        const accepted = keys.flatMap(key => clients.get(key) ?? []).filter(client => client.accepted)
        sliceOf(service)?.renew(accepted.map(client => cache.clientRow(client, name)))
      } catch (error) {
        failed(service, error)
      }
    },
  }
}

/** @param key `namespace/name` */
export function nameOf(key: string): ServiceName {
  const [namespace = '', name = ''] = key.split('/')
  return { namespace, name }
}
