import type { Clock } from '../../../platform/clock.ts'
import { type KubeClient, KubeError } from '../../../platform/kube/client.ts'
import { tokenRecords } from '../../../platform/kube/resources.ts'
import type { Logger } from '../../../platform/log.ts'
import { createAttempts } from '../attempts.ts'
import { type EncodedKey, encodeKey, encodeTenant, encodeValue } from '../encode-record.ts'
import { type Bounds, type Feed, StoreError, type TokenStore } from '../store.ts'
import { followRecords } from './follow-records.ts'
import { createSweeping } from './sweeping.ts'
import { createTally } from './tally.ts'
import { nameOf, recordIn, type TokenRecord, timeOf } from './token-records.ts'

export interface KubernetesStoreParts {
  /** With connections of its own: a flood of tokens must not make reviews of guards' tokens wait. */
  readonly client: Pick<KubeClient, 'get' | 'create' | 'patch' | 'delete' | 'list' | 'scan' | 'watch'>
  readonly namespace: string
  readonly clock: Clock
  readonly log: Logger
  readonly bounds?: Bounds
  readonly deadlineMs?: number
  readonly sweepMs?: number
  readonly pageSize?: number
}

/** Each record costs the API server up to 20 KB of memory, in its own copy of the objects. */
const defaultBounds: Bounds = { tenant: 10_000, sum: 30_000 }

/** How often a record may change between a look at it and what was to be done about it. */
const mostTries = 5

/**
 * The store as objects of the Kubernetes API, without anything installed beside it. A name can be created once, and a deletion with
 * preconditions succeeds once: the API server decides both, for any number of replicas.
 */
export function createKubernetesStore(parts: KubernetesStoreParts): TokenStore {
  const { client, namespace, clock, log, bounds = defaultBounds } = parts
  const { deadlineMs = 5_000, sweepMs = 15_000, pageSize = 500 } = parts
  const attempt = createAttempts({ clock, deadlineMs })
  const tally = createTally(bounds)
  const sweeping = createSweeping({ client, namespace, tally, clock, log, pageSize, everyMs: sweepMs })
  const feeds: Feed[] = []
  const read = (key: EncodedKey) => client.get<TokenRecord>(tokenRecords, namespace, nameOf(key))

  /** @returns false when there is one already @throws StoreError when there is no place */
  async function create(key: EncodedKey, endsAt: number, text: string | undefined): Promise<boolean> {
    const { type, tenant } = key
    const place = tally.reserve(key)
    try {
      await client.create<TokenRecord>(tokenRecords, {
        metadata: { namespace, name: nameOf(key) },
        spec: { type, tenant, endsAt: timeOf(endsAt), ...(text !== undefined && { value: text }) },
      })
      place.keep()
      return true
    } catch (error) {
      // Only the API server's own word that nothing was created gives the place back.
      if (error instanceof KubeError && error.status >= 400 && error.status < 500) place.free()
      else place.keep()
      if (error instanceof KubeError && error.reason === 'AlreadyExists') return false
      throw error
    }
  }

  /** @returns false when there is none */
  async function replace(key: EncodedKey, endsAt: number, text: string | undefined): Promise<boolean> {
    const spec = { endsAt: timeOf(endsAt), value: text ?? null }
    try {
      await client.patch(tokenRecords, namespace, nameOf(key), { spec })
      return true
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return false
      throw error
    }
  }

  /** Succeeds once, of all who try at the same time. */
  async function remove({ metadata }: TokenRecord): Promise<'removed' | 'gone' | 'changed'> {
    const { name, uid = '', resourceVersion = '' } = metadata
    try {
      const deleted = await client.delete(tokenRecords, namespace, name, { preconditions: { uid, resourceVersion } })
      return deleted ? 'removed' : 'gone'
    } catch (error) {
      if (error instanceof KubeError && error.status === 409) return 'changed'
      throw error
    }
  }

  return {
    async claim(key, record) {
      const [encoded, text] = [encodeKey(key), encodeValue(key, record)]
      return attempt(async () => ((await create(encoded, record.endsAt, text)) ? 'claimed' : 'held'))
    },

    async put(key, record) {
      const [encoded, text] = [encodeKey(key), encodeValue(key, record)]
      return attempt(async () => {
        for (let tries = 0; tries < mostTries; tries++) {
          let full: StoreError | undefined
          try {
            if (await create(encoded, record.endsAt, text)) return
          } catch (error) {
            full = asFull(error)
          }
          // What is replaced needs no place of its own.
          if (await replace(encoded, record.endsAt, text)) return
          if (full) throw full
        }
        throw new StoreError('store_unavailable')
      })
    },

    async get(key) {
      const encoded = encodeKey(key)
      return attempt(async () => {
        const found = await read(encoded)
        return found && recordIn(found, clock.wallMs())
      })
    },

    async take(key) {
      const encoded = encodeKey(key)
      return attempt(async () => {
        for (let tries = 0; tries < mostTries; tries++) {
          const found = await read(encoded)
          const record = found && recordIn(found, clock.wallMs())
          if (!found || !record) return undefined
          const deleted = await remove(found)
          // Written anew since it was read: what is to be given out has to be read again.
          if (deleted !== 'changed') return deleted === 'removed' ? record : undefined
        }
        throw new StoreError('store_unavailable')
      })
    },

    async *list(type, tenant) {
      const fieldSelector = `spec.type=${type},spec.tenant=${encodeTenant(tenant)}`
      let next: string | undefined
      do {
        const about = { namespace, fieldSelector, limit: pageSize, ...(next !== undefined && { continue: next }) }
        const page = await attempt(() => client.list<TokenRecord>(tokenRecords, about))
        for (const one of page.items) {
          const record = recordIn(one, clock.wallMs())
          if (record) yield record
        }
        next = page.continue
      } while (next !== undefined)
    },

    follow(type, follower) {
      const feed = followRecords(type, follower, { client, namespace, clock, log })
      feeds.push(feed)
      return feed
    },

    fault: sweeping.fault,
    start: sweeping.start,
    async stop() {
      await Promise.all([...feeds.map(feed => feed.stop()), sweeping.stop()])
    },
  }
}

/** The refusal itself when it is for want of a place. @throws the error when it is anything else */
function asFull(error: unknown): StoreError {
  if (error instanceof StoreError && /_full$/.test(error.reason)) return error
  throw error
}
