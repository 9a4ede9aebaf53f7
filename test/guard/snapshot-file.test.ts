import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { sliceHash } from '../../core/rows/hash.ts'
import { createPolicy, type Policy } from '../../enforce/policy/policy.ts'
import { createSlice, type HeldSlice } from '../../enforce/policy/slice.ts'
import { createSnapshotFile, type SnapshotFile } from '../../enforce/policy/snapshot-file.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { full, heartbeat } from './frame-server.ts'
import { rowsOf, service } from './policy-rows.ts'
import { createSteppedClock, type SteppedClock } from './rig.ts'

const rows = rowsOf()
let path: string
let clock: SteppedClock
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'snapshot-')), 'snapshot.json')
  clock = createSteppedClock()
})

/** A guard's process as far as the file knows it: another one is a restart. */
function start(of = service): { policy: Policy; slice: HeldSlice; file: SnapshotFile } {
  const policy = createPolicy(clock)
  const slice = createSlice(policy)
  return {
    policy,
    slice,
    file: createSnapshotFile({ path, service: of, slice, policy, clock, log: createQuietLog().log }),
  }
}

async function stored(): Promise<void> {
  const { slice, file } = start()
  slice.take(full(rows, { a: '7' }))
  file.save()
  await file.settled()
}

describe('F13 the last good snapshot', () => {
  it('is in force again after a restart, with the age it has by then', async () => {
    await stored()
    clock.step(3_600_000)
    const { policy, slice, file } = start()
    await file.load()
    expect(policy.snapshot()?.hash).toBe(sliceHash(rows))
    expect(slice.seen()).toEqual({ a: '7' })
    expect(policy.ageSeconds()).toBeGreaterThanOrEqual(3_600)
    expect(policy.unfit()).toBeUndefined()
    clock.step(86_400_000)
    expect(policy.unfit()).toBe('policy_stale')
  })
  it('counts from the last heartbeat, not from the last change', async () => {
    const { slice, file } = start()
    slice.take(full(rows, { a: '7' }))
    file.save()
    await file.settled()
    clock.step(80_000_000)
    slice.take(heartbeat(rows, { a: '8' }))
    file.confirm()
    await file.settled()
    clock.step(10_000_000)
    const restarted = start()
    await restarted.file.load()
    expect(restarted.policy.ageSeconds()).toBeLessThan(10_001)
  })
  it('never lets an older one come after it', async () => {
    await stored()
    const { slice, file } = start()
    await file.load()
    expect(slice.take(full(rowsOf({ alice: { suspended: true } }), { a: '6' }))).toBe('older')
  })
  it('is not made young by a clock that was set back', async () => {
    await stored()
    clock.setWall(-7_200_000)
    const { policy, file } = start()
    await file.load()
    expect(policy.unfit()).toBe('policy_stale')
  })
  it('ages while the machine sleeps, and while the clock is set back', () => {
    const { policy, slice } = start()
    slice.take(full(rows, { a: '1' }))
    clock.setWall(90_000_000)
    expect(policy.unfit()).toBe('policy_stale')
    clock.setWall(-180_000_000)
    clock.step(86_401_000)
    expect(policy.unfit()).toBe('policy_stale')
  })
})

describe('F21 the file', () => {
  it('is replaced as a whole and leaves nothing beside it', async () => {
    await stored()
    expect(await readdir(join(path, '..'))).toEqual(['snapshot.json'])
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ version: 1, service, hash: sliceHash(rows) })
  })
  it.each([
    ['half of it', (text: string) => text.slice(0, text.length / 2)],
    ['another slice than its hash says', (text: string) => text.replace('"suspended":false', '"suspended":true')],
    ['nothing', () => ''],
    ['another version', (text: string) => text.replace('"version":1', '"version":2')],
  ])('is not used when it holds %s', async (_what, spoil) => {
    await stored()
    await writeFile(path, spoil(await readFile(path, 'utf8')))
    const { policy, file } = start()
    await file.load()
    expect(policy.unfit()).toBe('policy_missing')
  })
  it('of another service is not used', async () => {
    await stored()
    const { policy, file } = start('shop/payments')
    await file.load()
    expect(policy.unfit()).toBe('policy_missing')
  })
  it('F14 that cannot be written costs a log line and nothing else', async () => {
    path = '/proc/none/snapshot.json'
    const { policy, slice, file } = start()
    slice.take(full(rows, { a: '7' }))
    file.save()
    await file.settled()
    expect(policy.unfit()).toBeUndefined()
  })
})
