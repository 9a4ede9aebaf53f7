import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { type Feature, features } from '../../../core/rows/features.ts'
import type { Frame } from '../../../core/rows/frames.ts'
import { emptyHash } from '../../../core/rows/hash.ts'
import type { RoleRow, RouteRow, Row, ServiceRow } from '../../../core/rows/rows.ts'
import { createSnapshotBuilder } from '../../../core/snapshot/snapshot.ts'
import { createSlice, type Slice } from '../../../issuer/slices/slice.ts'
import { historyMs, type SliceView } from '../../../issuer/slices/slice-view.ts'
import { mostViews } from '../../../issuer/slices/slice-views.ts'
import { createChunkCache } from '../../../issuer/snapshots/frame-text.ts'
import { grantRow, serviceRow } from '../core/fixture.ts'
import { textOf } from './text-of.ts'

const role = (name: string, path = '/'): RoleRow => ({
  type: 'role',
  name,
  rules: [{ index: 0, methods: ['GET'], paths: [path] }],
})
const route = (tags?: RouteRow['tags']): RouteRow => ({
  name: 'r',
  path: '/r',
  methods: ['GET'],
  variants: 'Refuse',
  ...(tags && { tags }),
})
const tagged = (value: string) => serviceRow({ routes: [route({ kind: value })] })

/** Ten features of the service row, each a member of its own; some may be left out, others not. */
const table: readonly Feature[] = Array.from({ length: 10 }, (_, at) => ({
  name: `f${at}`,
  since: `0.${at + 2}.0`,
  service: row => {
    if (!(`f${at}` in row)) return row
    const { [`f${at}`]: _, ...less } = row as ServiceRow & Record<string, unknown>
    return at < 5 ? (less as unknown as ServiceRow) : 'Deny'
  },
}))
const names = table.map(({ name }) => name)
const without = (...gone: string[]) => names.filter(name => !gone.includes(name))

function make(known?: readonly Feature[]) {
  let version = 0
  let time = 0
  const seen = () => ({ roles: String(version) })
  const slice = createSlice('shop/orders', seen, () => time, createChunkCache(1_048_576), known)
  const wait = (ms: number): void => {
    time += ms
  }
  return { slice, tick: () => void version++, wait }
}

/** A guard as it is: it checks the hash of every frame. */
function guard(view: SliceView, builder = createSnapshotBuilder()) {
  let holds = builder.hash() !== emptyHash
  return {
    hash: builder.hash,
    rows: builder.rows,
    catchUp(from = view) {
      const frame = JSON.parse(textOf(from.frameFor({ hash: holds ? builder.hash() : undefined }))) as Frame
      if (!('full' in frame || 'delta' in frame)) throw new Error('no frame with rows')
      expect(builder.apply(frame)).toBe('applied')
      holds = true
      expect(frame.hash).toBe(builder.hash())
      return 'full' in frame ? 'full' : 'delta'
    },
  }
}

describe('a slice for guards of one set of features', () => {
  it('is the slice itself for a guard that knows all there is, and more', () => {
    const { slice } = make()
    slice.replace([tagged('a'), role('a')])
    const all = features.map(({ name }) => name)
    for (const said of [all, ['later', ...all, ...all]]) {
      const { view } = slice.open(said)
      expect(view.hash()).toBe(slice.hash())
      expect(view.frameFor({})).toBe(slice.frameFor({}))
      expect(view.needs()).toBeUndefined()
    }
  })

  it('is the rows as the guard understands them, with the hash of those', () => {
    const { slice } = make()
    slice.replace([tagged('a'), role('a')])
    const { view } = slice.open([])
    const one = guard(view)
    expect(one.catchUp()).toBe('full')
    expect(one.rows()).toEqual([role('a'), serviceRow({ routes: [route()] })])
    expect(one.hash()).toBe(view.hash())
    expect(view.hash()).not.toBe(slice.hash())
    expect(JSON.parse(view.heartbeat())).toMatchObject({ hash: view.hash() })
  })

  it('has the hash of the slice where no row says anything new', () => {
    const { slice } = make()
    const { view } = slice.open([])
    slice.replace([serviceRow({ routes: [route()] }), role('a')])
    expect(view.hash()).toBe(slice.hash())
  })

  it('stays the same when only what the guard does not know changes, and goes on by what changed since', () => {
    const { slice } = make()
    slice.replace([tagged('a')])
    const { view } = slice.open([])
    const one = guard(view)
    one.catchUp()
    const before = view.hash()
    slice.replace([tagged('b')])
    slice.replace([tagged('c')])
    expect(view.hash()).toBe(before)
    slice.replace([tagged('c'), role('a')])
    expect(one.catchUp()).toBe('delta')
    expect(one.hash()).toBe(view.hash())
  })

  it('brings a guard of any features from any state to the present one, hash for hash', () => {
    const service = fc
      .subarray(names)
      .chain(said => fc.tuple(fc.constant(said), fc.constantFrom('/1', '/2')))
      .map(
        ([said, path]): Row => ({
          ...serviceRow({ public: [{ path, methods: ['GET'] }] }),
          ...Object.fromEntries(said.map(name => [name, true])),
        }),
      )
    const roles = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('/1', '/2'))
    const states = fc.array(fc.tuple(fc.option(service), roles), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(states, fc.subarray(names), fc.nat(), (all, said, at) => {
        const { slice, tick } = make(table)
        const replica = make(table).slice
        const { view } = slice.open(said)
        const [one, moving] = [guard(view), guard(view)]
        all.forEach(([row, others], index) => {
          tick()
          const rows = [...(row ? [row] : []), ...Object.entries(others).map(([name, path]) => role(name, path))]
          for (const each of [slice, replica]) each.replace(rows)
          if (index === at % all.length) for (const each of [one, moving]) each.catchUp()
        })
        expect(one.catchUp()).toBe('delta')
        expect(one.hash()).toBe(view.hash())
        expect(slice.open(said).view).toBe(view)
        // Another replica, which has had no guard of these features before.
        moving.catchUp(replica.open(said).view)
        expect(moving.hash()).toBe(view.hash())
      }),
    )
  })

  it('sends all of it to a guard that was upgraded and held what it understood then', () => {
    const { slice } = make()
    slice.replace([tagged('a')])
    const older = slice.open([]).view
    const newer = slice.open(['route-tags-map']).view
    const full = (view: SliceView, hash: string) => JSON.parse(textOf(view.frameFor({ hash })))
    expect(full(newer, older.hash())).toHaveProperty('full')
    slice.replace([serviceRow({ routes: [route()] })])
    expect(full(newer, older.hash())).toHaveProperty('delta')
  })

  it('goes on by what changed since at a replica that has had no guard of these features yet', () => {
    const { slice } = make()
    const rows = [serviceRow({ routes: [route()] }), role('a')]
    slice.replace(rows)
    const elsewhere = createSnapshotBuilder()
    elsewhere.apply({ full: { rows }, seen: {}, hash: slice.hash() })
    slice.replace([serviceRow({ routes: [route()] }), role('b')])
    const moved = guard(slice.open([]).view, elsewhere)
    expect(moved.catchUp()).toBe('delta')
    expect(moved.rows()).toEqual([role('b'), serviceRow({ routes: [route()] })])
  })

  it('goes on so too when a row has come to say something new, or did so before a guard was set back', () => {
    const { slice } = make()
    const rows = [tagged('a'), role('a')]
    slice.replace(rows)
    const back = createSnapshotBuilder()
    back.apply({ full: { rows }, seen: {}, hash: slice.hash() })
    slice.replace([...rows, role('b')])
    const moved = guard(slice.open([]).view, back)
    expect(moved.catchUp()).toBe('delta')
    expect(moved.rows()).toEqual([role('a'), role('b'), serviceRow({ routes: [route()] })])
  })

  it('says which release the guard needs: the last of all that its rows say', () => {
    const { slice } = make([
      { name: 'a', since: '0.9.0', route: one => (one.tags ? 'Deny' : one) },
      { name: 'b', since: '0.10.0', grant: row => (row.attributes ? 'Deny' : row) },
    ])
    const { view } = slice.open([])
    slice.replace([serviceRow(), grantRow('g', 'r')])
    expect(view.needs()).toBeUndefined()
    slice.replace([tagged('a'), grantRow('g', 'r')])
    expect(view.needs()).toBe('0.9.0')
    slice.replace([tagged('a'), grantRow('g', 'r', { attributes: { a: 'b' } })])
    expect(view.needs()).toBe('0.10.0')
    expect(slice.open(['b']).view.needs()).toBe('0.9.0')
    slice.replace([grantRow('g', 'r')])
    expect(view.needs()).toBeUndefined()
  })
})

describe('the views of a slice', () => {
  const sets = (slice: Slice, count: number) => names.slice(0, count).map(name => slice.open(without(name)).view)

  it('cost nothing while all guards know all there is: no row is looked at for others', () => {
    const service = vi.fn((row: ServiceRow) => row)
    const { slice } = make([{ name: 'a', since: '0.2.0', service }])
    const { close } = slice.open(['a'])
    for (const value of ['a', 'b']) slice.replace([tagged(value), role(value)])
    expect(service).not.toHaveBeenCalled()
    close()
  })

  it('are one for each set, however it is said', () => {
    const { slice } = make(table)
    const view = slice.open(['f1', 'f2']).view
    expect(slice.open(['f2', 'later', 'f1', 'f1']).view).toBe(view)
    expect(slice.open(['f1']).view).not.toBe(view)
  })

  it('are eight at most: a ninth set is told in the largest view that has nothing it lacks', () => {
    const { slice } = make(table)
    slice.replace([{ ...serviceRow(), f7: true } as Row])
    const small = slice.open(['f0', 'f1']).view
    const smaller = slice.open(['f0']).view
    const rest = sets(slice, mostViews - 4)
    expect(new Set([small, smaller, ...rest]).size).toBe(mostViews - 2)
    expect(slice.open(['f0', 'f1', 'f7']).view).toBe(small)
    expect(slice.open(['f0', 'f9']).view).toBe(smaller)
    // What the larger set would have been told is withheld, never more allowed.
    expect(slice.open(['f0', 'f1', 'f7']).view.needs()).toBe('0.9.0')
    const least = slice.open(['f8']).view
    expect([small, smaller, ...rest]).not.toContain(least)
    expect(slice.open([]).view).toBe(least)
    expect(slice.open(names).view.hash()).toBe(slice.hash())
  })

  it('give their places to others when nobody looks any more, the one left longest first', () => {
    const { slice, wait } = make(table)
    const opened = names.slice(0, mostViews - 2).map(name => slice.open(without(name)))
    const [first, second] = opened
    second?.close()
    wait(1)
    first?.close()
    const ninth = slice.open(without('f8')).view
    expect(opened.map(({ view }) => view)).not.toContain(ninth)
    expect(slice.open(without('f0')).view).toBe(first?.view)
    expect(slice.open(without('f1')).view).not.toBe(second?.view)
  })

  it('are kept for a while for guards that come back, and go then', () => {
    const { slice, wait } = make(table)
    const { view, close } = slice.open([])
    close()
    wait(historyMs - 1)
    slice.prune(historyMs - 1)
    const again = slice.open([])
    expect(again.view).toBe(view)
    again.close()
    wait(historyMs)
    slice.prune(2 * historyMs)
    expect(slice.open([]).view).not.toBe(view)
  })

  it('are kept while somebody looks, however long', () => {
    const { slice, wait } = make(table)
    const { view } = slice.open([])
    wait(3 * historyMs)
    slice.prune(3 * historyMs)
    expect(slice.open([]).view).toBe(view)
  })

  it('forget no row that went before all of them have forgotten the states before', () => {
    const { slice, wait } = make()
    slice.replace([tagged('a'), role('a')])
    const { view } = slice.open([])
    const one = guard(view)
    one.catchUp()
    slice.replace([tagged('a')])
    wait(historyMs - 1)
    slice.prune(historyMs - 1)
    expect(one.catchUp()).toBe('delta')
    expect(one.rows()).toEqual([serviceRow({ routes: [route()] })])
  })
})
