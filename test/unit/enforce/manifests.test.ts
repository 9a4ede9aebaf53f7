import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Compiled } from '../../../enforce/policy/compile/compile-manifests.ts'
import { createManifests, type ManifestsSource } from '../../../enforce/policy/manifests.ts'
import { createPolicy, type Policy } from '../../../enforce/policy/policy.ts'
import { issuer, rowsOf, service } from '../../guard/policy-rows.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const rows = rowsOf()
const good: Compiled = { rows, problems: [], mistakes: [] }
const stricter: Compiled = { ...good, rows: rows.filter(row => row.type !== 'grant') }

let folder: string
let clock: ManualClock
let policy: Policy
let source: ManifestsSource
let compile: () => Promise<Compiled>
let compiled: number
let lines: Record<string, unknown>[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'manifests-'))
  await write('a: 1')
  clock = createManualClock()
  policy = createPolicy(clock)
  const quiet = createQuietLog()
  lines = quiet.lines
  compiled = 0
  compile = async () => good
  source = createManifests({
    path: folder,
    service,
    issuer,
    installation: 'default',
    policy,
    clock,
    log: quiet.log,
    random: () => 0,
    compile() {
      compiled++
      return compile()
    },
  })
  await source.load()
  source.follow()
})
afterEach(async () => {
  source.stop()
  await rm(folder, { recursive: true, force: true })
})

const write = (text: string): Promise<void> => writeFile(join(folder, 'access.yaml'), text)
const failing = (message: string) => async (): Promise<Compiled> => {
  throw new Error(message)
}
/** Looks again, so many times, 500 ms apart. */
async function look(times = 1): Promise<void> {
  for (let time = 0; time < times; time++) {
    await clock.advance(500)
    await expect.poll(() => clock.pending()).toBe(1)
  }
}

describe('manifests that change', () => {
  it('are compiled once, and what is in force is confirmed while nothing changes', async () => {
    await look(4)
    expect(compiled).toBe(1)
    expect(policy.ageSeconds()).toBe(0)
  })

  it('are taken over though a fault of the moment was first, without another change (S10)', async () => {
    const before = policy.snapshot()?.hash
    compile = failing('EAGAIN')
    await write('a: 22')
    await look()
    expect(policy.snapshot()?.hash).toBe(before)
    compile = async () => stricter
    await look(2)
    expect(policy.snapshot()?.hash).not.toBe(before)
    expect(policy.ageSeconds()).toBe(0)
  })

  it('and cannot be compiled are tried with longer and longer pauses, and told once', async () => {
    compile = failing('ENOMEM')
    await write('a: 22')
    await look(16)
    // After 1, 2 and 4 seconds.
    expect(compiled).toBe(1 + 4)
    expect(lines.filter(({ mistakes }) => mistakes === 'ENOMEM')).toHaveLength(1)
    expect(policy.ageSeconds()).toBeGreaterThan(7)
  })

  it('again are looked at at once, however often they failed before', async () => {
    compile = failing('ENOMEM')
    await write('a: 22')
    await look(16)
    compile = async () => stricter
    await write('a: 333')
    await look()
    expect(policy.snapshot()?.hash).not.toBe(undefined)
    expect(policy.ageSeconds()).toBe(0)
  })

  it('and are gone for a moment leave the policy as it was', async () => {
    const before = policy.snapshot()?.hash
    await rm(folder, { recursive: true })
    await look(2)
    expect(policy.snapshot()?.hash).toBe(before)
  })
})
