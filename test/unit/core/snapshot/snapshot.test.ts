import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lookup } from '../../../../core/base/shared-map.ts'
import { verifyToken } from '../../../../core/credential/verify.ts'
import { decide } from '../../../../core/policy/decide.ts'
import { emptyHash, sliceHash } from '../../../../core/rows/hash.ts'
import { type Row, rowKey } from '../../../../core/rows/rows.ts'
import { createSnapshotBuilder, type SnapshotBuilder } from '../../../../core/snapshot/snapshot.ts'
import {
  audience,
  clientRow,
  clientToken,
  clusterRow,
  ed25519Key,
  es256Key,
  grantRow,
  headerOf,
  keyRow,
  now,
  roleRow,
  serviceRow,
  signToken,
  usualRows,
} from '../fixture.ts'

const seen = {}
const full = (builder: SnapshotBuilder, rows: readonly unknown[], hash = sliceHash(rows)) =>
  builder.apply({ full: { rows: rows as Row[] }, seen, hash })
/** A delta with the hash that the rows have after it. */
const delta = (
  builder: SnapshotBuilder,
  after: readonly unknown[],
  upsert: readonly unknown[],
  remove: string[] = [],
) => builder.apply({ delta: { upsert: upsert as Row[], remove }, seen, hash: sliceHash(after) })
const rows = usualRows()

test('holds nothing at first', () => {
  const builder = createSnapshotBuilder()
  expect([builder.hash(), builder.snapshot(), builder.rows()]).toEqual([emptyHash, undefined, []])
})

test('a full frame makes a snapshot; its revision is the beginning of the hash', () => {
  const builder = createSnapshotBuilder()
  expect(full(builder, rows)).toBe('applied')
  const snapshot = builder.snapshot()
  expect(snapshot?.hash).toBe(sliceHash(rows))
  expect(snapshot?.revision).toBe(sliceHash(rows).slice(0, 12))
  expect(snapshot?.service).toEqual(serviceRow())
  expect(builder.rows()).toEqual([...rows].sort((a, b) => (rowKey(a as Row) < rowKey(b as Row) ? -1 : 1)))
  expect(builder.snapshot()).toBe(snapshot)
})

test('without a service row there is no snapshot: the slice of a service that is not accepted', () => {
  const builder = createSnapshotBuilder()
  expect(full(builder, [])).toBe('applied')
  expect([builder.snapshot(), builder.hash()]).toEqual([undefined, emptyHash])
})

test('a frame that does not add up changes nothing', () => {
  const builder = createSnapshotBuilder()
  expect(full(builder, rows, emptyHash)).toBe('mismatch')
  expect(builder.snapshot()).toBeUndefined()
  full(builder, rows)
  const before = builder.snapshot()
  const upsert = [clientRow({ suspended: true })]
  expect(delta(builder, rows, upsert)).toBe('mismatch')
  expect(full(builder, upsert, emptyHash)).toBe('mismatch')
  expect(builder.snapshot()).toBe(before)
  expect(builder.rows()).toHaveLength(rows.length)
})

describe('a delta', () => {
  const next = [...rows.slice(0, 3), clientRow({ suspended: true })]

  test('gives another snapshot and leaves the one before as it was', () => {
    const builder = createSnapshotBuilder()
    full(builder, rows)
    const before = builder.snapshot()
    expect(delta(builder, next, [clientRow({ suspended: true })])).toBe('applied')
    const after = builder.snapshot()
    if (!before || !after) throw new Error('no snapshot')
    expect(verifyToken(clientToken(), before, now)).toMatchObject({ key: expect.any(String) })
    expect(verifyToken(clientToken(), after, now)).toBe('client_suspended')
  })

  test('compiles the policy again only when the service or a role changed', () => {
    const builder = createSnapshotBuilder()
    full(builder, rows)
    const policy = builder.snapshot()?.policy
    delta(builder, next, [clientRow({ suspended: true })])
    expect(builder.snapshot()?.policy).toBe(policy)
    const role = roleRow('other', { methods: ['GET'], paths: ['/x'] })
    delta(builder, [...next, role], [role])
    expect(builder.snapshot()?.policy).not.toBe(policy)
  })

  test('shares what did not change', () => {
    const builder = createSnapshotBuilder()
    const many = Array.from({ length: 3_000 }, (_, index) =>
      clientRow({ clientId: `sc_${index}`, issuer: `https://x/${index}`, name: `c${index}` }),
    )
    full(builder, [serviceRow(), ...many])
    const before = builder.snapshot()
    const changed = clientRow({ ...many[7], organization: 'acme' })
    delta(builder, [serviceRow(), ...many.with(7, changed)], [changed])
    const after = builder.snapshot()
    if (!before || !after) throw new Error('no snapshot')
    expect(lookup(after.clients, 'sc_7')?.row.organization).toBe('acme')
    expect(lookup(after.clients, 'sc_8')).toBe(lookup(before.clients, 'sc_8'))
    expect(after.clients.parts.filter((part, index) => part !== before.clients.parts[index])).toHaveLength(1)
    expect(after.grantsByClient).toBe(before.grantsByClient)
  })

  test('removes rows by key, and what is not there is no fault', () => {
    const builder = createSnapshotBuilder()
    full(builder, rows)
    expect(delta(builder, rows.slice(0, 2), [], ['grant/read', `client/${clientRow().clientId}`, 'role/none'])).toBe(
      'applied',
    )
    const snapshot = builder.snapshot()
    expect([snapshot?.clients.size, snapshot?.clientsBy.ClientToken.size, snapshot?.grantsByClient.size]).toEqual([
      0, 0, 0,
    ])
    expect(delta(builder, [], [], ['service', 'role/reader'])).toBe('applied')
    expect([builder.snapshot(), builder.hash()]).toEqual([undefined, emptyHash])
  })

  test('forgets a client whose row left, as a guard that never held it, and takes it back with its row', () => {
    const builder = createSnapshotBuilder()
    full(builder, rows)
    const token = clientToken()
    const answer = () => {
      const snapshot = builder.snapshot()
      if (!snapshot) throw new Error('no snapshot')
      return decide({ method: 'GET', target: '/orders' }, verifyToken(token, snapshot, now), snapshot, now).reason
    }
    const before = answer()
    expect(before).toBe('granted')
    const left = (rows as Row[]).filter(row => row.type !== 'client' && row.type !== 'grant')
    delta(builder, left, [], [`client/${clientRow().clientId}`, 'grant/read'])
    expect(answer()).toBe('invalid_token')
    const granted = [...left, ...(rows as Row[]).filter(row => row.type === 'grant')]
    delta(builder, granted, granted)
    expect(answer()).toBe('invalid_token')
    delta(builder, rows, rows)
    expect(answer()).toBe(before)
  })

  test('on nothing works as a full frame does', () => {
    const builder = createSnapshotBuilder()
    expect(delta(builder, rows, rows)).toBe('applied')
    expect(builder.snapshot()?.hash).toBe(sliceHash(rows))
  })

  test('moves clients between issuers, service accounts and grants', () => {
    const builder = createSnapshotBuilder()
    const account = (name: string) => [{ name, uid: 'u', pods: ['p'] }]
    const first = clientRow({ serviceAccounts: account('one') })
    const second = clientRow({ serviceAccounts: account('two'), issuer: 'https://moved' })
    full(builder, [serviceRow(), first, grantRow('g', 'r')])
    const grant = grantRow('g', 'r', { clients: ['sc_b', 'sc_b'] })
    delta(builder, [serviceRow(), second, grant], [second, grant])
    const snapshot = builder.snapshot()
    if (!snapshot) throw new Error('no snapshot')
    expect(lookup(snapshot.clientsBy.ClientToken, first.issuer)).toBeUndefined()
    expect(lookup(snapshot.clientsBy.ClientToken, 'https://moved')).toHaveLength(1)
    expect(lookup(snapshot.clientsBy.ServiceAccountToken, 'billing/one')).toBeUndefined()
    expect(lookup(snapshot.clientsBy.ServiceAccountToken, 'billing/two')).toHaveLength(1)
    expect(lookup(snapshot.grantsByClient, first.clientId)).toBeUndefined()
    expect(lookup(snapshot.grantsByClient, 'sc_b')?.grants).toEqual([grant])
  })
})

test('rows that are not understood are kept, hashed and handed on as they came, and understood later', () => {
  const builder = createSnapshotBuilder()
  const newer = { ...clientRow(), newField: { a: 1 } }
  full(builder, [...rows.slice(0, 3), newer])
  expect(builder.rows()).toContainEqual(newer)
  expect([...(builder.snapshot()?.unsupported.keys() ?? [])]).toEqual([`client/${newer.clientId}`])
  delta(builder, rows, [clientRow()])
  expect(builder.snapshot()?.unsupported.size).toBe(0)
  expect(builder.snapshot()?.clients.size).toBe(1)
})

test('rows of unknown types keep their own places, and the policy comes back when they go', () => {
  const builder = createSnapshotBuilder()
  const odd = [{ type: 'quota' }, { type: 'quota', max: 1 }, 7, { type: 'limit', name: 'a' }]
  full(builder, [...rows, ...odd])
  expect(builder.rows()).toHaveLength(rows.length + odd.length)
  expect(builder.snapshot()?.policy).toBeUndefined()
  full(builder, rows)
  expect(builder.snapshot()?.policy).toBeDefined()
})

test('the keys of the cluster come and go', () => {
  const builder = createSnapshotBuilder()
  const cluster = clusterRow(es256Key)
  full(builder, rows)
  delta(builder, [...rows, cluster], [cluster])
  expect(builder.snapshot()?.cluster).toMatchObject({ issuer: cluster.issuer })
  delta(builder, rows, [], ['cluster'])
  expect(builder.snapshot()?.cluster).toBeUndefined()
})

test('whatever way the frames came, the same rows decide the same', () => {
  const clients = ['sc_0', 'sc_1', 'sc_2']
  const keys = clients.map(name => ed25519Key(name))
  const any = fc.record({
    client: fc.constantFrom(0, 1, 2),
    suspended: fc.boolean(),
    role: fc.constantFrom('r0', 'r1'),
    path: fc.constantFrom('/a', '/b', '/**'),
    holders: fc.subarray(clients),
    drop: fc.constantFrom('', 'client/sc_0', 'role/r0', 'grant/g0', 'grant/g1'),
  })
  const issuerOf = (id: string) => `https://issuer/${id}`
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 8 }), steps => {
      const builder = createSnapshotBuilder()
      const held = new Map<string, Row>([['service', serviceRow()]])
      full(builder, [...held.values()])
      for (const { client, suspended, role, path, holders, drop } of steps) {
        const id = clients[client] as string
        const upsert: Row[] = [
          clientRow({ clientId: id, issuer: issuerOf(id), suspended, keys: [keyRow(keys[client])] }),
          roleRow(role, { methods: ['GET'], paths: [path] }),
          grantRow(role.replace('r', 'g'), role, { clients: holders }),
        ]
        const rest = upsert.filter(row => rowKey(row) !== drop)
        for (const row of rest) held.set(rowKey(row), row)
        held.delete(drop)
        expect(delta(builder, [...held.values()], rest, drop === '' ? [] : [drop])).toBe('applied')
      }
      const fresh = createSnapshotBuilder()
      full(fresh, builder.rows())
      const snapshots = [builder.snapshot(), fresh.snapshot()].flatMap(each => each ?? [])
      expect(snapshots).toHaveLength(2)
      for (const [index, id] of clients.entries()) {
        const key = keys[index]
        const claims = { iss: issuerOf(id), sub: id, client_id: id, aud: audience, iat: now, exp: now + 60, jti: 'j' }
        const token = signToken(headerOf(key), claims, key)
        const [one, other] = snapshots.map(snapshot =>
          ['/a', '/b', '/c'].map(target =>
            decide({ method: 'GET', target }, verifyToken(token, snapshot, now), snapshot, now),
          ),
        )
        // Who heard of a client before may tell it more, never allow it more.
        const unknown = other?.every(({ reason }) => reason === 'invalid_token')
        if (unknown) expect(one?.map(({ allow }) => allow)).toEqual([false, false, false])
        else expect(one).toEqual(other)
      }
    }),
    { numRuns: 30 },
  )
})
