import { describe, expect, it, vi } from 'vitest'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { ClientRow, Row } from '../../../core/rows/rows.ts'
import { createLesserSlices } from '../../../issuer/slices/lesser-slices.ts'
import { createSlice } from '../../../issuer/slices/slice.ts'
import { createChunkCache } from '../../../issuer/snapshots/frame-text.ts'
import { driveSteps } from '../../../platform/drive-steps.ts'
import { serviceRow } from '../core/fixture.ts'
import { createManualClock } from '../platform/manual-clock.ts'

const client = (name: string, keys: number, change: Partial<ClientRow> = {}): ClientRow => ({
  type: 'client',
  clientId: name,
  namespace: 'partners',
  name,
  issuer: `https://i.test/${name}`,
  createdAt: 1,
  suspended: false,
  keys: Array.from({ length: keys }, (_, at) => ({
    kid: `${name}-${at}`,
    accessKey: name,
    algorithm: 'Ed25519' as const,
    publicKey: { kty: 'OKP' as const, crv: 'Ed25519' as const, x: 'x'.repeat(43) },
    notBefore: 1,
  })),
  ...change,
})
const few = [serviceRow(), client('a', 1), client('b', 2)]
const many = [...few, client('greedy', 64)]

function rig(rows: readonly Row[] = many) {
  const clock = createManualClock()
  const make = (key: string, seen: () => Record<string, string>) =>
    createSlice(key, seen, clock.now, createChunkCache(1_048_576))
  let seen: Record<string, string> = { roles: '1' }
  const whole = make('shop/orders', () => seen)
  whole.replace(rows)
  const lesser = createLesserSlices({ make, seen: () => seen, clock, drive: driveSteps })
  const see = (now: Record<string, string>): void => {
    seen = now
  }
  return { clock, whole, lesser, see }
}
const namesOf = (rows: readonly Row[]) => rows.flatMap(row => (row.type === 'client' ? [row.name] : [])).sort()

describe('a slice as far as it fits', () => {
  it('has all but the largest clients, with a hash of its own, and says whom it leaves out', () => {
    const { whole, lesser } = rig()
    const open = lesser.open(whole, 4_096, () => {})
    expect([open?.state(), open?.isCurrent()]).toEqual(['made', true])
    expect(namesOf(open?.slice.rows() ?? [])).toEqual(['a', 'b'])
    expect(open?.refused().map(({ name }) => name)).toEqual(['greedy'])
    expect(open?.slice.hash()).toBe(sliceHash(few))
  })

  it('follows what changes, at once after a pause and else within a second, and is not current until then', async () => {
    const { whole, lesser, clock } = rig()
    const onChange = vi.fn()
    const open = lesser.open(whole, 4_096, onChange)
    await clock.advance(1_000)
    whole.renew([client('a', 1, { suspended: true })])
    expect(onChange).toHaveBeenCalledTimes(1)
    const isSuspended = (name: string) => (open?.slice.row(`client/${name}`) as ClientRow | undefined)?.suspended
    expect([open?.isCurrent(), isSuspended('a')]).toEqual([true, true])
    whole.renew([client('b', 2, { suspended: true })])
    whole.renew([client('b', 1, { suspended: true })])
    expect([open?.isCurrent(), isSuspended('b')]).toEqual([false, false])
    await clock.advance(999)
    expect(open?.isCurrent()).toBe(false)
    await clock.advance(1)
    expect([open?.isCurrent(), isSuspended('b'), onChange.mock.calls.length]).toEqual([true, true, 2])
    expect(JSON.parse(open?.slice.heartbeat() ?? '')).toMatchObject({ hash: open?.slice.hash(), seen: { roles: '1' } })
  })

  it('takes in whoever fits again, and says that not even the service does', async () => {
    const { whole, lesser, clock } = rig()
    const open = lesser.open(whole, 4_096, () => {})
    await clock.advance(1_000)
    whole.replace([...few, client('greedy', 3)])
    expect([namesOf(open?.slice.rows() ?? []), open?.refused()]).toEqual([['a', 'b', 'greedy'], []])
    await clock.advance(1_000)
    whole.replace([serviceRow({ audience: 'x'.repeat(5_000) })])
    expect([open?.state(), open?.slice.rows()]).toEqual(['too small', []])
  })

  it('says that it includes what it is made of, and what changes no row as soon as the whole slice does', async () => {
    const { whole, lesser, clock, see } = rig()
    const open = lesser.open(whole, 4_096, () => {})
    const seen = () => (JSON.parse(open?.slice.heartbeat() ?? '') as { seen: object }).seen
    see({ roles: '2' })
    expect(seen()).toEqual({ roles: '2' })
    whole.renew([client('a', 0)])
    see({ roles: '3' })
    expect(seen()).toEqual({ roles: '1' })
    await clock.advance(1_000)
    expect(seen()).toEqual({ roles: '3' })
  })

  it('is one for guards of about the same memory, of twelve sizes at most, and nobody’s work once all are gone', async () => {
    const { whole, lesser, clock } = rig()
    const open = (takes: number) => lesser.open(whole, takes, () => {})
    const [first, second, other] = [open(4_096), open(6_143), open(6_144)]
    expect(second?.slice).toBe(first?.slice)
    expect(other?.slice).not.toBe(first?.slice)
    for (let at = 0; at < 10; at++) expect(open(2 ** (13 + at))).toBeDefined()
    expect(open(2 ** 30)).toBeUndefined()
    other?.close()
    const late = open(2 ** 30)
    expect(late).toBeDefined()
    first?.close()
    await clock.advance(1_000)
    whole.renew([client('a', 0)])
    expect(second?.slice.row('client/a')).toMatchObject({ keys: [] })
    second?.close()
    await clock.advance(1_000)
    whole.renew([client('a', 2)])
    expect(second?.slice.row('client/a')).toMatchObject({ keys: [] })
  })
})
