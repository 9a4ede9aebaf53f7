import { createRedisStore } from '../../../../issuer/store/redis/redis-store.ts'
import type { TokenStore } from '../../../../issuer/store/store.ts'
import { systemClock } from '../../../../platform/clock.ts'
import { createQuietLog } from '../../../unit/platform/quiet-log.ts'
import type { ReplicaOptions, Storage } from './contract.ts'
import { type RedisSettings, type RunningRedis, startRedis } from './redis-server.ts'

export interface RedisStorage extends Storage {
  readonly redis: RunningRedis
  open(options?: ReplicaOptions & { address?: { url?: string; caFile?: string; credentials?: string } }): TokenStore
}

export async function startRedisStorage(settings?: RedisSettings): Promise<RedisStorage> {
  const redis = await startRedis(settings)
  const stores: TokenStore[] = []
  const { url, credentials, caFile } = redis
  return {
    redis,
    open({ address, ...options } = {}) {
      const store = createRedisStore({
        address: { url, credentials, caFile, ...address },
        installation: 'default',
        clock: systemClock,
        log: createQuietLog().log,
        deadlineMs: 20_000,
        ...options,
      })
      stores.push(store)
      store.start()
      return store
    },
    goAway: redis.kill,
    goSilent: async () => redis.freeze(),
    async comeBack() {
      redis.thaw()
      await redis.start()
    },
    written: redis.written,
    async close() {
      await Promise.all(stores.map(store => store.stop()))
      await redis.close()
    },
  }
}
