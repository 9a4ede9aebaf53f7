import { secondsOf } from '../base/time.ts'

/** The annotation on a Secret of the release whose keys are to be replaced: those made before this time, RFC 3339. */
export const rotationRequestedAt = 'latchkey.dev/rotation-requested-at'

/** Seconds since epoch; undefined where nothing, or nothing that is a time, was requested. */
export function requestedAtOf(annotations: Readonly<Record<string, string>> | undefined): number | undefined {
  return secondsOf(annotations?.[rotationRequestedAt])
}
