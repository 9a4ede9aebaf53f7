import { expect, test } from 'vitest'
import { createStanding } from '../../../../issuer/store/redis/standing.ts'
import { createManualClock, settled } from '../../platform/manual-clock.ts'
import { createQuietLog } from '../../platform/quiet-log.ts'

const info = (policy: string) => `maxmemory_policy:${policy}\r\naof_enabled:1\r\nrole:master\r\ncluster_enabled:0\r\n`

/** A Redis that answers INFO with what stands here, and the standing of it. */
function rig() {
  const clock = createManualClock()
  const { log, lines } = createQuietLog()
  const redis = { answer: info('noeviction') as string | Error, save: ['save', ''] as unknown }
  const send = async ([command]: readonly string[]): Promise<unknown> => {
    const answer = command === 'INFO' ? redis.answer : redis.save
    if (answer instanceof Error) throw answer
    return answer
  }
  return { clock, lines, redis, standing: createStanding({ send, clock, log }) }
}
type Standing = ReturnType<typeof createStanding>
const reasonOf = (standing: Standing): string | undefined => {
  try {
    standing.check()
    return undefined
  } catch (error) {
    return (error as { reason?: string }).reason
  }
}

test('nothing is asked of a store whose settings were not read', async () => {
  const { standing } = rig()
  expect(reasonOf(standing)).toBe('store_unavailable')
  expect(standing.fault()).toBe('the token store was not reached yet')
  standing.look()
  expect(reasonOf(standing)).toBe('store_unavailable')
  await settled()
  expect(reasonOf(standing)).toBeUndefined()
  expect(standing.fault()).toBeUndefined()
})

test('a setting that is changed to a bad one is found within half a minute, and back within seconds', async () => {
  const { standing, clock, redis, lines } = rig()
  standing.look()
  await settled()
  redis.answer = info('allkeys-lru')
  await clock.advance(30_000)
  expect(reasonOf(standing)).toBe('store_unsafe')
  expect(standing.fault()).toMatch(/maxmemory-policy/)
  await clock.advance(10_000)
  expect(lines.filter(({ msg }) => msg === 'the token store is not safe')).toHaveLength(1)
  redis.answer = info('noeviction')
  await clock.advance(2_000)
  expect(reasonOf(standing)).toBeUndefined()
  expect(standing.fault()).toBeUndefined()
})

test('a new connection is trusted only once it was looked at, and readiness does not wait for that', async () => {
  const { standing, redis } = rig()
  standing.look()
  await settled()
  redis.answer = new Error('LOADING Redis is loading the dataset in memory')
  standing.look()
  await settled()
  expect(reasonOf(standing)).toBe('store_unavailable')
  expect(standing.fault()).toBeUndefined()
})

test('what cannot be read at first is told with its reason, and tried again', async () => {
  const { standing, clock, redis } = rig()
  redis.answer = new Error("NOPERM this user has no permissions to run the 'info' command")
  standing.look()
  await settled()
  expect(standing.fault()).toBe(
    "the token store cannot be read: NOPERM this user has no permissions to run the 'info' command",
  )
  redis.answer = info('noeviction')
  await clock.advance(2_000)
  expect(standing.fault()).toBeUndefined()
})

test('a user who may not ask for settings is enough where every change is written down', async () => {
  const { standing, redis } = rig()
  redis.save = new Error("NOPERM this user has no permissions to run the 'config|get' command")
  standing.look()
  await settled()
  expect(reasonOf(standing)).toBeUndefined()
})

test('a connection that breaks while settings are asked for is no answer to them', async () => {
  const { standing, redis } = rig()
  redis.save = new Error('Socket closed unexpectedly')
  standing.look()
  await settled()
  expect(reasonOf(standing)).toBe('store_unavailable')
})

test('nothing is asked any more once it is stopped', async () => {
  const { standing, clock } = rig()
  standing.look()
  await settled()
  standing.stop()
  expect(clock.pending()).toBe(0)
})
