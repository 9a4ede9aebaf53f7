import { secondsOf } from '../base/time.ts'

/** The annotation on a Secret of the release whose keys are to be replaced: those made before this time, RFC 3339. */
export const rotationRequestedAt = 'latchkey.dev/rotation-requested-at'

const longestAhead = 24 * 3_600

/** What an annotation asks for: nothing, a moment, or something that is told of and not done. */
export interface RotationRequest {
  /** Seconds since epoch. */
  readonly at?: number
  readonly fault?: string
}

/** @param now seconds since epoch */
export function rotationRequestOf(
  annotations: Readonly<Record<string, string>> | undefined,
  now: number,
): RotationRequest {
  const text = annotations?.[rotationRequestedAt]
  if (text === undefined) return {}
  const at = secondsOf(text)
  if (at === undefined) {
    return {
      fault: `The annotation ${rotationRequestedAt} is no RFC 3339 time, and nothing rotates by it. Write it as in 2027-01-31T12:00:00Z.`,
    }
  }
  if (at > now + longestAhead) {
    return {
      fault: `The annotation ${rotationRequestedAt} is more than 24h ahead, and nothing rotates by it yet. Write a time that is nearer.`,
    }
  }
  return { at }
}
