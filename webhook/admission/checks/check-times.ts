import { secondsOf } from '../../../core/base/time.ts'
import type { Check } from './check.ts'

/** An end that has passed already: nothing wrong in Git years later, but rarely what is meant on the first day. */
export const expiresInThePast: Check<{ readonly expiresAt?: string | undefined }> = ({ expiresAt }, { now }) => {
  const seconds = secondsOf(expiresAt)
  if (seconds === undefined || seconds > now) return undefined
  return { field: 'spec.expiresAt', message: 'is in the past; this gives nothing until it is moved ahead' }
}
