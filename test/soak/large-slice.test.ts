import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { maxSliceBytes } from '../../core/rows/frames.ts'
import type { ClientRow, Row } from '../../core/rows/rows.ts'
import { sliceBound } from '../../core/rows/slice-bound.ts'
import { bundleGuard } from '../guard/bundled-guard.ts'
import { startFedGuard } from '../guard/fed-guard.ts'
import { full } from '../guard/frame-server.ts'
import { rowsOfSize, sendSlices } from '../guard/large-slice.ts'
import { callAs, changeBetween, rowsOfClients } from '../guard/many-clients.ts'

const mebibyte = 1_048_576
const patience = { timeout: 120_000 }

let bundles: Awaited<ReturnType<typeof bundleGuard>>
beforeAll(async () => {
  bundles = await bundleGuard()
})
afterAll(() => bundles?.remove())

it('S04 a guard of the chart’s memory takes the largest slice it may, and others in its place, and answers all the while', async () => {
  const slices = Array.from({ length: 5 }, () => rowsOfSize(6.5 * mebibyte))
  const guard = await sendSlices(bundles.directory, slices)
  await expect.poll(guard.taken, { timeout: 60_000 }).toBeGreaterThan(0)
  while (guard.taken() < slices.length) expect(await guard.call()).toBe(200)
  expect(guard.process.ended()).toBeUndefined()
  await guard.stop()
})

it('S04 a slice that is larger than its memory allows is not taken, and what it has stays', async () => {
  const guard = await sendSlices(bundles.directory, [rowsOfSize(mebibyte), rowsOfSize(40 * mebibyte)])
  await expect.poll(() => guard.process.said().join(''), { timeout: 60_000 }).toContain('too large for this guard')
  expect(guard.taken()).toBe(1)
  expect(await guard.call()).toBe(200)
  expect(guard.process.ended()).toBeUndefined()
  await guard.stop()
})

describe('S04 as many clients as docs/limits.md says fit into a guard, all of them calling: by stream, by change, from its disk', () => {
  // 100,000 is what 768Mi are promised for; the others are the most that each memory takes.
  it.each([
    [768, 100_000],
    [768, 110_000],
    [512, 68_000],
    [256, 24_000],
    [192, 13_000],
  ])('a guard of %iMi holds %i', async (mebibytes, count) => {
    console.log(await holdClients(mebibytes, count))
  })
})

/**
 * Every client calls; then half of them give way to others by one change, and all of them to others in one piece, while
 * calls go on; then it goes on from its disk alone, and takes a change from there.
 */
async function holdClients(mebibytes: number, count: number) {
  const half = Math.floor(count / 2)
  const first = rowsOfClients(0, count)
  const second = rowsOfClients(half, count)
  // What the issuer sends to a guard of this memory.
  expect(bytesOf(first)).toBeLessThanOrEqual(sliceBound(mebibytes * mebibyte))
  const guard = await startFedGuard(bundles.directory, mebibytes)
  // MiB: what its group had at most, and what was resident at most, with the pages of Node that others share.
  const peaks: Record<string, string> = {}
  const note = (what: string): void => {
    expect(guard.process.ended()).toBeUndefined()
    const [group, resident] = [guard.process.peakBytes(), highWaterMark(guard.process.pid)]
    peaks[what] = `${Math.round(group / mebibyte)}, resident ${Math.round(resident / mebibyte)}`
  }
  try {
    await guard.feed(full(first, { apiclients: '1' }))
    note('stream')
    expect(await callAs(guard.port, clientsOf(first))).toEqual({ 200: count })
    note('all call')

    const staying = clientsOf(first).slice(half)
    const changed = whileCalling(guard.port, staying)
    await guard.feed(changeBetween(first, second, { apiclients: '2' }))
    await changed.stop()
    note('half of them change')

    const third = [...second].reverse().map(row => (row.type === 'client' ? { ...row, createdAt: 1_700_000_001 } : row))
    const replaced = whileCalling(guard.port, staying)
    await guard.feed(full(third, { apiclients: '3' }))
    await replaced.stop()
    note('all of them at once')

    const { hash } = full(third, {})
    await expect.poll(() => guard.stored(hash), patience).toBeGreaterThan(0)
    const storedBytes = await guard.stored(hash)
    // Of its volume, a half that is as large as any slice.
    expect(storedBytes).toBeLessThan(maxSliceBytes + mebibyte)
    await guard.restartAlone()
    note('started from disk')
    expect(await callAs(guard.port, clientsOf(third).slice(0, 10_000))).toEqual({ 200: 10_000 })
    note('10,000 call')

    expect((await guard.comeBack()).hash).toBe(hash)
    const [one, other] = clientsOf(third) as [ClientRow, ClientRow]
    const fourth = third.map(row => (row === one ? { ...one, suspended: true } : row))
    await guard.feed(changeBetween(third, fourth, { apiclients: '4' }))
    expect(await callAs(guard.port, [one, other])).toEqual({ 401: 1, 200: 1 })
    note('one is suspended')
    return { mebibytes, count, storedMebibytes: (storedBytes / mebibyte).toFixed(1), peaks }
  } finally {
    await guard.stop()
  }
}

function highWaterMark(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024
}

function bytesOf(rows: readonly Row[]): number {
  return rows.reduce((sum, row) => sum + Buffer.byteLength(JSON.stringify(row)) + 1, 0)
}

function clientsOf(rows: readonly Row[]): ClientRow[] {
  return rows.filter(row => row.type === 'client').filter(({ name }) => name.startsWith('client-'))
}

/** Calls of one client after the other, until it is told to stop. */
function whileCalling(port: number, clients: readonly ClientRow[]): { stop(): Promise<void> } {
  let isOver = false
  function* turns(): Generator<ClientRow> {
    for (let at = 0; !isOver; at++) yield clients[(at * 7_919) % clients.length] as ClientRow
  }
  const calls = callAs(port, turns(), 16)
  // Told when it is stopped.
  calls.catch(() => {})
  return {
    async stop() {
      isOver = true
      const statuses = await calls
      expect(Object.keys(statuses)).toEqual(['200'])
    },
  }
}
