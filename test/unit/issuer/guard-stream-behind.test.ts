import { expect, it } from 'vitest'
import type { Seen } from '../../../core/rows/frames.ts'
import { settled } from '../platform/manual-clock.ts'
import { createStreamWorld, role } from './guard-stream-world.ts'

/** What a guard holds that was at a replica which has seen more. */
const ahead = { hash: 'f'.repeat(64), seen: { roles: '2' } }

it('a guard that has seen more than this replica gets nothing until this replica has caught up (S10)', async () => {
  const { slice, stream, replica, hear, kinds } = createStreamWorld({ hello: ahead })
  await hear()
  slice.replace([role('a'), role('b')])
  stream.beat(slice.heartbeat())
  await settled()
  expect([kinds(), replica.claimed]).toEqual([[], []])
  await hear({ progress: { roles: '2' } })
  expect([kinds(), replica.claimed]).toEqual([['full'], [{ roles: '2' }]])
  await hear({ progress: { roles: '3' } })
  expect([kinds(), replica.claimed.length]).toEqual([['full'], 1])
})

it('a replica that stays behind says so after 5 seconds and with every heartbeat, and catches up all the same', async () => {
  const { clock, slice, stream, hear, kinds } = createStreamWorld({ hello: ahead })
  await clock.advance(4_999)
  expect(kinds()).toEqual([])
  await clock.advance(1)
  stream.beat(slice.heartbeat())
  await settled()
  expect(kinds()).toEqual(['behind', 'behind'])
  await hear({ progress: { roles: '2' } })
  expect(kinds()).toEqual(['behind', 'behind', 'full'])
  await clock.advance(60_000)
  stream.beat(slice.heartbeat())
  await settled()
  expect(kinds()).toEqual(['behind', 'behind', 'full', 'heartbeat'])
})

it('a replica that is behind asks the API server how far it is, at once and with every heartbeat until it has caught up', async () => {
  const { clock, slice, stream, replica, hear } = createStreamWorld({ hello: ahead })
  expect(replica.asked).toEqual([ahead.seen])
  await clock.advance(5_000)
  stream.beat(slice.heartbeat())
  expect(replica.asked).toEqual([ahead.seen, ahead.seen])
  await hear({ progress: { roles: '2' } })
  stream.beat(slice.heartbeat())
  expect(replica.asked).toHaveLength(2)
  expect(createStreamWorld().replica.asked).toEqual([])
})

it('a replica that caught up in time never says that it was behind', async () => {
  let made: (() => void) | undefined
  const { clock, hear, kinds } = createStreamWorld({ hello: ahead, whenCurrent: done => (made = done) })
  await hear({ progress: { roles: '2' } })
  await clock.advance(60_000)
  expect(kinds()).toEqual([])
  made?.()
  await settled()
  expect(kinds()).toEqual(['full'])
})

it.each<[string, Seen, Seen, number]>([
  ['of the service itself that this replica has not read yet', { roles: '1' }, { 'configmaps/api': '3' }, 0],
  ['of the service itself that this replica has read', { roles: '1' }, { 'configmaps/api': '4' }, 1],
  ['that this replica has never heard of', { roles: '1' }, {}, 1],
])('a version %s', async (_, progress, own, frames) => {
  const { kinds } = createStreamWorld({
    hello: { ...ahead, seen: { roles: '1', 'configmaps/api': '4' } },
    progress,
    own,
  })
  await settled()
  expect(kinds().length).toBe(frames)
})
