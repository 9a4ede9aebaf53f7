import type { AudienceTaken } from './checks/audience-taken.ts'
import type { LookAtService } from './checks/look-at-service.ts'
import { concludeObject, type FindMissing } from './checks/validate-object.ts'
import type { ExaminedReview } from './examine-review.ts'
import { concludePod } from './mutate-pod.ts'
import type { Verdict } from './review.ts'

/** What is asked of the API server. */
export interface LookUps {
  readonly look: LookAtService
  readonly missing: FindMissing
  readonly taken: AudienceTaken
}

/** Decides about what was examined. @throws what the examination threw, or KubeError when nothing can be said */
export function createConclude({
  look,
  missing,
  taken,
}: LookUps): (result: ExaminedReview['result']) => Promise<Verdict> {
  return async result => {
    if ('failed' in result) throw result.failed
    if ('pod' in result) return concludePod(result.pod, look)
    return 'object' in result ? concludeObject(result.object, missing, taken) : result
  }
}
