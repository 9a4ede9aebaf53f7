import { rotationRequestOf } from '../../core/keys/rotation-request.ts'
import type { PlannedEvent } from '../../core/status/report.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import type { SecretOf } from '../owned-objects.ts'

/** Reads what the annotation of a Secret of the release asks for. @returns seconds since epoch; undefined: nothing to be done */
export type ReadRequest = (secret: SecretOf | undefined) => number | undefined

/** What asks for nothing that can be done is told of once, by an event of the Secret and in the log: each wish anew. */
export function createRequestReader(about: {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly log: Logger
  record(secret: SecretOf, event: PlannedEvent): void
}): ReadRequest {
  const { clock, log } = about
  const told = new Map<string, string>()
  return secret => {
    const { name = '', annotations } = secret?.metadata ?? {}
    const { at, fault } = rotationRequestOf(annotations, Math.floor(clock.wallMs() / 1_000))
    if (fault === undefined) {
      told.delete(name)
      return at
    }
    if (secret && told.get(name) !== fault) {
      told.set(name, fault)
      log.warn({ object: name }, fault)
      about.record(secret, { type: 'Warning', reason: 'RotationRequestRefused', action: 'Reconcile', note: fault })
    }
    return undefined
  }
}
