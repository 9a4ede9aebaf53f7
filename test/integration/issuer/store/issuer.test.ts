import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWorld, type World } from '../world.ts'
import { type RunningRedis, startRedis } from './redis-server.ts'

let world: World
let redis: RunningRedis
beforeAll(async () => {
  world = await startWorld()
  redis = await startRedis({ config: { 'maxmemory-policy': 'allkeys-lru' } })
})
afterAll(async () => {
  await world?.close()
  await redis?.close()
})

it('O01 an issuer whose Redis evicts says what to change, and is ready once it is; one whose Redis is away later stays so', async () => {
  Object.assign(world.environment, {
    LATCHKEY_TOKEN_STORE: 'Redis',
    LATCHKEY_REDIS_URL: redis.url,
    LATCHKEY_REDIS_CREDENTIALS: redis.credentials,
  })
  const issuer = await world.startReplicaUnready()
  await issuer.loaded
  await expect.poll(() => issuer.notReady()).toMatch(/set maxmemory-policy to noeviction/)
  await redis.ask('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
  await expect.poll(() => issuer.notReady()).toBeUndefined()
  await redis.kill()
  expect(issuer.notReady()).toBeUndefined()
})
