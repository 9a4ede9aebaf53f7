import { describe, expect, it } from 'vitest'
import { createPolicy } from '../../../enforce/policy/policy.ts'
import { standingText } from '../../../enforce/policy/standing.ts'
import { createManualClock } from '../platform/manual-clock.ts'

const keptBack = { bytes: 1, memory: 256 * 1_048_576 }
const tooLarge =
  'the policy is too large for the memory of this guard, which keeps what it has: give it 256Mi, or divide the service'

describe('what is told of a policy in force', () => {
  const confirmed = (ageSeconds: number, maxStalenessSeconds?: number) => {
    const policy = createPolicy(createManualClock())
    policy.replace({ service: maxStalenessSeconds === undefined ? undefined : { maxStalenessSeconds } } as never)
    policy.confirm(ageSeconds)
    return policy
  }
  it.each<[string, number, number | undefined, string | undefined]>([
    ['nothing while heartbeats come', 29, 60, undefined],
    ['its age when they do not', 30, 60, 'nobody has confirmed the policy for 30 s; after 60 s every call is denied'],
    [
      'that it is still decided by at the last second',
      60,
      60,
      'nobody has confirmed the policy for 60 s; after 60 s every call is denied',
    ],
    [
      'that it is too old',
      61,
      60,
      'policy_stale: nobody has confirmed the policy for 61 s; after 60 s every call is denied',
    ],
    [
      'that nobody knows its age',
      Number.POSITIVE_INFINITY,
      60,
      'policy_stale: nobody has confirmed the policy for longer than is known; after 60 s every call is denied',
    ],
    ['its age alone where its service cannot be read', 90, undefined, 'nobody has confirmed the policy for 90 s'],
  ])('%s', (_what, age, most, text) => {
    expect(standingText(confirmed(age, most), undefined)).toBe(text)
  })
  it('why no newer one comes, behind its age', () => {
    expect(standingText(confirmed(0, 60), keptBack)).toBe(tooLarge)
    expect(standingText(confirmed(90), keptBack)).toBe(`nobody has confirmed the policy for 90 s; ${tooLarge}`)
    expect(standingText(confirmed(0), { bytes: 1, memory: undefined })).toMatch(
      /keeps what it has: divide the service$/,
    )
  })
})
