import { expect, test } from 'vitest'
import { createAttempts } from '../../../../issuer/store/attempts.ts'
import { StoreError } from '../../../../issuer/store/store.ts'
import { createManualClock } from '../../platform/manual-clock.ts'

const unavailable = { reason: 'store_unavailable' }
const never = () => new Promise<never>(() => undefined)

test('what the store says is passed on, and no timer stays', async () => {
  const clock = createManualClock()
  const attempt = createAttempts({ clock, deadlineMs: 1_000 })
  expect(await attempt(async () => 'held')).toBe('held')
  expect(clock.pending()).toBe(0)
})

test('whatever goes wrong is told as not known, with the cause', async () => {
  const attempt = createAttempts({ clock: createManualClock(), deadlineMs: 1_000 })
  const cause = new Error('broken')
  await expect(attempt(() => Promise.reject(cause))).rejects.toMatchObject({ ...unavailable, cause })
  await expect(attempt(() => Promise.reject(new StoreError('tenant_full')))).rejects.toMatchObject({
    reason: 'tenant_full',
  })
})

test('no answer in time is told as not known, also when one comes later', async () => {
  const clock = createManualClock()
  const attempt = createAttempts({ clock, deadlineMs: 1_000 })
  let answer: (text: string) => void = () => undefined
  const asked = attempt(() => new Promise<string>(resolve => (answer = resolve)))
  const told = expect(asked).rejects.toMatchObject(unavailable)
  await clock.advance(999)
  expect(clock.pending()).toBe(1)
  await clock.advance(1)
  await told
  answer('claimed')
})

test('a store that hangs holds on to no more than it may, and to less once it lets go', async () => {
  const clock = createManualClock()
  const attempt = createAttempts({ clock, deadlineMs: 1_000, most: 2 })
  let release: () => void = () => undefined
  const asked = [attempt(never), attempt(() => new Promise<void>(resolve => (release = resolve)))]
  await expect(attempt(async () => 'claimed')).rejects.toMatchObject(unavailable)
  const told = Promise.allSettled(asked)
  await clock.advance(1_000)
  expect((await told).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  // Who asked has gone, but the store has not let go.
  await expect(attempt(async () => 'claimed')).rejects.toMatchObject(unavailable)
  release()
  await clock.advance(0)
  expect(await attempt(async () => 'claimed')).toBe('claimed')
})
