import { beforeEach, expect, it } from 'vitest'
import { createServiceCallers } from '../../../issuer/authenticate/service-callers.ts'
import type { Holder } from '../../../issuer/authenticate/token-review.ts'
import { createManualClock } from '../platform/manual-clock.ts'

let clock: ReturnType<typeof createManualClock>
let reviews: string[]
let rights: string[]
let answer: Holder | undefined | 'busy'
let callers: ReturnType<typeof createServiceCallers>

beforeEach(() => {
  clock = createManualClock()
  reviews = []
  rights = []
  answer = { user: { username: 'app' }, expiresAt: clock.wallMs() / 1_000 + 60 }
  const reviewer = {
    async review(_: string, token: string) {
      reviews.push(token)
      return answer
    },
    async mayEnforce(_: unknown, { namespace, name }: { namespace: string; name: string }) {
      rights.push(`${namespace}/${name}`)
      return name === 'orders'
    },
  }
  callers = createServiceCallers(reviewer, clock)
})

it('asks about a good token once in ten seconds', async () => {
  expect(await callers.review('p', 'a')).toBe(answer)
  await clock.advance(9_999)
  expect(await callers.review('q', 'a')).toBe(answer)
  expect(reviews).toEqual(['a'])
  await clock.advance(1)
  await callers.review('p', 'a')
  expect(reviews).toEqual(['a', 'a'])
})

it('remembers no token beyond its end', async () => {
  answer = { user: { username: 'app' }, expiresAt: clock.wallMs() / 1_000 + 2 }
  await callers.review('p', 'a')
  await clock.advance(2_000)
  answer = undefined
  expect(await callers.review('p', 'a')).toBeUndefined()
})

it.each([undefined, 'busy'] as const)('remembers nothing that is no yes: %s', async no => {
  answer = no
  expect([await callers.review('p', 'a'), await callers.review('p', 'a')]).toEqual([no, no])
  expect(reviews).toHaveLength(2)
})

it('forgets the oldest when there are too many', async () => {
  for (let at = 0; at <= 1_024; at++) await callers.review('p', `${at}`)
  await callers.review('p', '1')
  await callers.review('p', '0')
  expect(reviews.slice(1_025)).toEqual(['0'])
})

it('asks for the right on a service once in ten seconds, and for each service', async () => {
  const may = (name: string) => callers.mayEnforce({ username: 'app' }, { namespace: 'shop', name })
  expect([await may('orders'), await may('orders'), await may('billing')]).toEqual([true, true, false])
  expect(rights).toEqual(['shop/orders', 'shop/billing'])
})
