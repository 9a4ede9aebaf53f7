import { afterEach, describe, expect, test } from 'vitest'
import { sliceHash } from '../../../core/rows/hash.ts'
import { createSnapshotBuilder } from '../../../core/snapshot/snapshot.ts'
import { createDecisionPoint, type DecisionPoint, type Verdict } from '../../../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../../../enforce/identity-cache.ts'
import { createPolicy } from '../../../enforce/policy/policy.ts'
import type { Call } from '../../../enforce/report/report.ts'
import { createReview, type OpenCall, type Review } from '../../../guard/open-calls/review.ts'
import { systemClock } from '../../../platform/clock.ts'
import {
  clientRow,
  clientToken,
  ed25519Key,
  grantRow,
  keyRow,
  now,
  roleRow,
  serviceRow,
  usualRows,
} from '../core/fixture.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

interface Open extends OpenCall {
  reported: boolean
  readonly name: string
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const reviews: Review[] = []
afterEach(() => {
  for (const review of reviews.splice(0)) review.stop()
})

/** A guard's policy, its open calls, and a review of them that notes whom it decides again. */
function createRig(rows: readonly unknown[] = usualRows(), wrap = (decisions: DecisionPoint) => decisions) {
  const held = new Map(rows.map((row, at) => [at, row]))
  const builder = createSnapshotBuilder()
  const policy = createPolicy(systemClock)
  const decisions = createDecisionPoint({
    policy,
    cache: createIdentityCache(() => boundsFor(1)),
    now: () => now,
  })
  const calls = new Set<Open>()
  const closed: [string, Verdict][] = []
  const decided: string[] = []
  const nameOf = (target: string): string => target.slice(1)
  const counting: DecisionPoint = {
    ...decisions,
    reauthorize(head, proved) {
      decided.push(nameOf(head.target))
      return decisions.reauthorize(head, proved)
    },
  }
  const { log, lines } = createQuietLog()
  const review = createReview({
    policy,
    decisions: wrap(counting),
    clock: { ...systemClock, wallMs: () => now * 1_000 },
    log,
    open: [
      {
        *walk(look) {
          for (const one of calls) {
            look(one, verdict => {
              calls.delete(one)
              closed.push([one.name, verdict])
            })
            yield
          }
        },
      },
    ],
  })
  reviews.push(review)
  const take = (frame: object): void => {
    const all = [...held.values()]
    expect(builder.apply({ ...frame, seen: {}, hash: sliceHash(all) } as never)).toBe('applied')
    policy.replace(builder.snapshot())
    policy.confirm()
  }
  take({ full: { rows: [...held.values()] } })
  return {
    policy,
    calls,
    closed,
    decided,
    review,
    lines,
    /** Lets a call in, as a guard would. */
    open(target: string, token = clientToken()): Open {
      const head = { method: 'GET', target, authorization: `Bearer ${token}`, names: [], values: [] }
      const verdict = decisions.authorize(head)
      expect(verdict.pass).toBe(true)
      const one = { name: nameOf(target), head, call: { verdict } as Call, reported: false, standing: undefined }
      calls.add(one)
      return one
    },
    /** One row takes the place of another, or comes. */
    put(at: number, row: unknown): void {
      held.set(at, row)
      take({ delta: { upsert: [row], remove: [] } })
    },
    /** Until nothing is left to do. */
    async settled(): Promise<string[]> {
      for (let turns = 0; turns < 50; turns++) await nextTurn()
      return decided.splice(0)
    },
  }
}

const otherKey = ed25519Key('other')
const other = clientRow({ clientId: 'sc_other', name: 'other', issuer: 'https://other', keys: [keyRow(otherKey)] })
const otherToken = (): string => clientToken({ iss: 'https://other', sub: 'sc_other', client_id: 'sc_other' }, otherKey)
const two = (): unknown[] => [
  serviceRow(),
  roleRow('reader', { methods: ['GET'], paths: ['/orders/**'] }),
  grantRow('read', 'reader'),
  clientRow(),
  roleRow('others', { methods: ['GET'], paths: ['/others/**'] }),
  grantRow('other', 'others', { clients: ['sc_other'] }),
  other,
]

describe('the review of open calls', () => {
  test.each([
    ['a client', 3, clientRow({ displayName: 1 } as never), ['orders']],
    ['another client', 6, { ...other, organization: 'acme' }, ['others']],
    ['a role', 1, roleRow('reader', { methods: ['GET', 'PUT'], paths: ['/orders/**'] }), ['orders']],
    ['a grant', 5, grantRow('other', 'others', { clients: ['sc_other'], expiresAt: now + 9 }), ['others']],
    ['the service', 0, serviceRow({ maxStalenessSeconds: 9 }), ['orders', 'others']],
  ])('decides again only about those that a change of %s touches', async (_what, at, row, touched) => {
    const rig = createRig(two())
    rig.open('/orders')
    rig.open('/others', otherToken())
    rig.put(6, { ...other })
    expect((await rig.settled()).sort()).toEqual(['orders', 'others'])
    rig.put(6, { ...other })
    expect(await rig.settled()).not.toContain('orders')
    rig.put(at, row)
    expect((await rig.settled()).sort()).toEqual(touched)
  })

  test('closes who lost the right, and nobody else', async () => {
    const rig = createRig(two())
    rig.open('/orders')
    rig.open('/others', otherToken())
    rig.put(3, clientRow({ suspended: true }))
    await rig.settled()
    expect(rig.closed.map(([name, { decision }]) => [name, decision.reason])).toEqual([['orders', 'client_suspended']])
    expect([...rig.calls].map(({ name }) => name)).toEqual(['others'])
  })

  test('closes all while there is no policy', async () => {
    const rig = createRig()
    rig.open('/orders')
    rig.policy.replace(undefined)
    await rig.settled()
    expect(rig.closed.map(([, { decision }]) => decision.reason)).toEqual(['policy_missing'])
  })

  test('takes turns, and looks at all of them once more when the policy changes meanwhile', async () => {
    const slow = (decisions: DecisionPoint): DecisionPoint => ({
      ...decisions,
      reauthorize(...given) {
        const until = performance.now() + 1
        while (performance.now() < until);
        return decisions.reauthorize(...given)
      },
    })
    const rig = createRig(usualRows(), slow)
    for (let at = 0; at < 60; at++) rig.open(`/orders/${at}`)
    rig.put(3, clientRow({ organization: 'one' }))
    let turns = 0
    while (rig.decided.length < 30) {
      await nextTurn()
      turns++
    }
    // No more than 5 of them in a turn, and one that was begun.
    expect(turns).toBeGreaterThanOrEqual(5)
    rig.put(3, clientRow({ organization: 'two' }))
    while (rig.decided.length < 90) await nextTurn()
    const last = new Map(rig.decided.map((name, at) => [name, at]))
    expect(Math.min(...last.values())).toBeGreaterThanOrEqual(30)
  })

  test('closes a call that cannot be decided, says so in the log, and goes on with the others', async () => {
    const rig = createRig(usualRows(), decisions => ({
      ...decisions,
      reauthorize(head, proved) {
        if (head.target === '/orders/bad') throw new Error('a bug')
        return decisions.reauthorize(head, proved)
      },
    }))
    rig.open('/orders/bad')
    rig.open('/orders/good')
    rig.put(3, clientRow({ organization: 'acme' }))
    expect(await rig.settled()).toEqual(['orders/good'])
    expect(rig.closed.map(([name, { decision }]) => [name, decision.reason])).toEqual([
      ['orders/bad', 'policy_unsupported'],
    ])
    expect(rig.lines).toHaveLength(1)
  })

  test('lets go of the policy that a call was let in by, once the call is told of', async () => {
    const rig = createRig()
    const waits = rig.open('/orders/waits')
    const answers = rig.open('/orders/answers')
    answers.reported = true
    const first = rig.policy.snapshot()
    rig.put(0, serviceRow({ maxStalenessSeconds: 9 }))
    await rig.settled()
    expect([waits.call.verdict.snapshot, answers.call.verdict.snapshot]).toEqual([first, undefined])
  })

  test('proves whom a public path let in once the path is public no more, and then no token’s end matters', async () => {
    const rows = [serviceRow({ public: [{ path: '/orders', methods: ['GET'] }] }), ...usualRows().slice(1, 3)]
    const rig = createRig(rows)
    const [stranger, later] = [rig.open('/orders', 'a.b.c'), rig.open('/orders')]
    expect(later.call.verdict.proved).toBeUndefined()
    rig.put(9, clientRow())
    rig.put(0, serviceRow())
    await rig.settled()
    expect(rig.closed.map(([, { decision }]) => decision.reason)).toEqual(['invalid_token'])
    expect(rig.calls.has(stranger)).toBe(false)
    expect(later.standing?.proved).toMatchObject({ clientId: clientRow().clientId, expiresAt: Number.MAX_SAFE_INTEGER })
  })

  test('looks at nothing after it was stopped', async () => {
    const rig = createRig()
    rig.open('/orders')
    rig.review.stop()
    rig.put(3, clientRow({ suspended: true }))
    expect(await rig.settled()).toEqual([])
    expect(rig.closed).toEqual([])
  })
})
