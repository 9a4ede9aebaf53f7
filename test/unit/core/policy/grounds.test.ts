import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Identity } from '../../../../core/base/identity.ts'
import type { DenyReason } from '../../../../core/base/reasons.ts'
import { decide } from '../../../../core/policy/decide.ts'
import { passes } from '../../../../core/policy/decision.ts'
import { type Grounds, groundsOf, stillHold } from '../../../../core/policy/grounds.ts'
import { sliceHash } from '../../../../core/rows/hash.ts'
import { createSnapshotBuilder, type Snapshot } from '../../../../core/snapshot/snapshot.ts'
import { mainIdentity, routeRow } from '../../../builders/policy.ts'
import { clientRow, clusterRow, es256Key, grantRow, keyRow, mainKey, now, roleRow, serviceRow } from '../fixture.ts'

/** What each row of a slice can be; undefined: it is not there. */
const forms: Readonly<Record<string, readonly (object | undefined)[]>> = {
  service: [
    serviceRow({ public: [{ path: '/open', methods: ['GET'] }] }),
    serviceRow({ mode: 'Audit' }),
    serviceRow({ routes: [routeRow('orders', '/orders', { mode: 'Audit' })] }),
    serviceRow({ routes: [routeRow('other', '/other')] }),
    serviceRow({ audience: 'https://new' }),
    serviceRow({ public: [{ path: '/orders', methods: ['GET'] }] }),
    { ...serviceRow(), newField: 1 },
  ],
  'role/reader': [
    roleRow('reader', { methods: ['GET'], paths: ['/orders/**'] }),
    roleRow('reader', { methods: ['GET'], paths: ['/other'] }),
    roleRow('reader', { methods: ['GET'], paths: ['/{org}'], when: [{ organizationEquals: { param: 'org' } }] }),
    { ...roleRow('reader', { methods: ['GET'], paths: ['/**'] }), newField: 1 },
    undefined,
  ],
  'role/all': [roleRow('all', { methods: ['GET'], paths: ['/**'] }), undefined],
  'grant/a': [
    grantRow('a', 'reader'),
    grantRow('a', 'all'),
    grantRow('a', 'reader', { expiresAt: now + 20 }),
    grantRow('a', 'reader', { clients: ['sc_other'] }),
    undefined,
  ],
  'grant/b': [
    undefined,
    grantRow('b', 'all', { expiresAt: now + 40 }),
    grantRow('b', 'all', { clients: ['sc_other'] }),
  ],
  [`client/${clientRow().clientId}`]: [
    clientRow(),
    clientRow({ organization: 'orders' }),
    clientRow({ suspended: true }),
    clientRow({ keys: [keyRow(mainKey, { revoked: true })] }),
    clientRow({ keys: [keyRow(mainKey, { notAfter: now + 30 })] }),
    clientRow({ keys: [keyRow(mainKey, { roles: ['all'] })] }),
    clientRow({ issuer: 'https://elsewhere' }),
    { ...clientRow(), newField: 1 },
    undefined,
  ],
  'client/sc_other': [undefined, clientRow({ clientId: 'sc_other', name: 'other', issuer: 'https://other' })],
  cluster: [undefined, clusterRow(es256Key)],
  'unheard/of': [undefined, { type: 'unheard', name: 'of', key: 'unheard/of' }],
}
const keys = Object.keys(forms)

/** A guard's slice, changed row by row. */
function createSlice() {
  const rows = new Map(keys.flatMap(key => (forms[key]?.[0] ? [[key, forms[key]?.[0]]] : [])))
  const builder = createSnapshotBuilder()
  builder.apply({ full: { rows: [...rows.values()] as never }, seen: {}, hash: sliceHash([...rows.values()]) })
  return {
    snapshot: () => builder.snapshot() as Snapshot,
    put(key: string, row: object | undefined): void {
      const upsert = row === undefined ? [] : [row]
      const remove = row === undefined ? [key] : []
      if (row === undefined) rows.delete(key)
      else rows.set(key, row)
      const hash = sliceHash([...rows.values()])
      expect(builder.apply({ delta: { upsert: upsert as never, remove }, seen: {}, hash })).toBe('applied')
    },
  }
}

const lasting: Identity = { ...mainIdentity, expiresAt: Number.MAX_SAFE_INTEGER }
const callers: readonly (Identity | DenyReason)[] = [lasting, { ...lasting, roles: ['reader'] }, 'credential_missing']
const targets = ['/orders', '/orders/7', '/open', '/nowhere']
const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom(...keys), fc.nat({ max: 20 })) },
  { weight: 1, arbitrary: fc.constantFrom(5, 15) },
)

describe('the grounds of an open call', () => {
  test('hold only while it would be let in again, whatever changes and in whatever order', () => {
    const seen = { held: 0, decided: 0, ended: 0 }
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 12 }), steps => {
        const slice = createSlice()
        let at = now
        const open = callers.flatMap(who =>
          targets.map(target => ({ who, target, grounds: undefined as Grounds | undefined })),
        )
        const decided = ({ who, target }: (typeof open)[number], snapshot: Snapshot) =>
          decide({ method: 'GET', target }, who, snapshot, at)
        for (const step of [0, ...steps]) {
          if (typeof step === 'number') at += step
          else slice.put(step[0], forms[step[0]]?.[step[1] % (forms[step[0]]?.length ?? 1)])
          const snapshot = slice.snapshot()
          for (const call of open) {
            const decision = decided(call, snapshot)
            const pass = passes(decision, snapshot.service)
            if (call.grounds && stillHold(call.grounds, snapshot, at)) {
              expect(pass).toBe(true)
              seen.held++
            } else {
              seen[pass ? 'decided' : 'ended']++
              call.grounds = pass ? groundsOf(decision, snapshot) : undefined
            }
          }
        }
      }),
      { numRuns: 1_000 },
    )
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(1_000)
  })

  const grantedBy = (slice: ReturnType<typeof createSlice>): Grounds =>
    groundsOf(decide({ method: 'GET', target: '/orders' }, lasting, slice.snapshot(), now), slice.snapshot())

  test.each([
    ['another client', 'client/sc_other'],
    ['another role', 'role/all'],
    ['another client’s grant', 'grant/b'],
  ])('are not touched by a change of %s', (_what, key) => {
    const slice = createSlice()
    const grounds = grantedBy(slice)
    slice.put(key, forms[key]?.at(-1))
    expect(stillHold(grounds, slice.snapshot(), now)).toBe(true)
  })

  test.each([
    ['its client', keys[5] as string, clientRow({ organization: 'orders' })],
    ['its grants', 'grant/b', grantRow('b', 'all')],
    ['its role', 'role/reader', roleRow('reader', { methods: ['GET'], paths: ['/**'] })],
    ['the service', 'service', serviceRow()],
    ['the cluster’s keys', 'cluster', clusterRow(es256Key)],
  ])('are looked at again when %s changes, although it would still be let in', (_what, key, row) => {
    const slice = createSlice()
    const grounds = grantedBy(slice)
    slice.put(key, row)
    expect(stillHold(grounds, slice.snapshot(), now)).toBe(false)
    expect(decide({ method: 'GET', target: '/orders' }, lasting, slice.snapshot(), now).allow).toBe(true)
  })

  test.each([
    ['its key', keys[5] as string, clientRow({ keys: [keyRow(mainKey, { notAfter: now + 30 })] }), 30],
    ['the grant that allows', 'grant/a', grantRow('a', 'reader', { expiresAt: now + 20 }), 20],
  ])('end with %s, at its second', (_what, key, row, seconds) => {
    const slice = createSlice()
    slice.put(key, row)
    const grounds = grantedBy(slice)
    const held = [0, seconds - 1, seconds].map(after => stillHold(grounds, slice.snapshot(), now + after))
    expect(held).toEqual([true, true, false])
  })
})
