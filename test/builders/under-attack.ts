import { afterAll, afterEach, beforeAll } from 'vitest'
import { type LimitedAuthorizer, startLimitedAuthorizer } from '../attacks/limited-authorizer.ts'
import { type LimitedWebhook, startLimitedWebhook } from '../attacks/limited-webhook.ts'

/** A process within its chart's limit, for all tests of the file that calls one of these. */
export interface UnderAttack<T> {
  /** There when a test runs, and not before. */
  readonly target: T
  /** What each test has begun and is to end with it. */
  readonly ends: (() => unknown)[]
}

export const authorizerUnderAttack = (): UnderAttack<LimitedAuthorizer> => underAttack(startLimitedAuthorizer)
export const webhookUnderAttack = (): UnderAttack<LimitedWebhook> => underAttack(startLimitedWebhook)

function underAttack<T extends { stop(): Promise<void> }>(start: () => Promise<T>): UnderAttack<T> {
  let target: T | undefined
  const ends: (() => unknown)[] = []
  beforeAll(async () => {
    target = await start()
  })
  afterEach(async () => {
    for (const end of ends.splice(0)) await end()
  })
  afterAll(async () => {
    await target?.stop()
  })
  return {
    get target() {
      if (!target) throw new Error('what is attacked does not run yet')
      return target
    },
    ends,
  }
}
