import type { AdmissionQuestion } from '../../core/api/admission-path.ts'
import type { InjectionSettings } from '../injection/guard-container.ts'
import { examineObject, type OpenObject } from './checks/validate-object.ts'
import type { PathQuestion } from './known-paths.ts'
import { examinePod, isAboutPod, type OpenPod } from './mutate-pod.ts'
import { type AdmissionRequest, readReview, type Verdict } from './review.ts'

/** What a body is asked about, beside itself. */
export interface Circumstances {
  readonly question: PathQuestion
  /** Seconds since epoch. */
  readonly now: number
}

/** What can be said of a body without asking anybody. Plain, and small however large the body: a thread can tell it. */
export type Examined = { readonly fault: string } | ExaminedReview

export interface ExaminedReview {
  readonly uid: string
  readonly question: AdmissionQuestion
  /** For the log. */
  readonly about: Readonly<Record<'kind' | 'namespace' | 'name' | 'operation', string | undefined>>
  readonly result: Verdict | { readonly object: OpenObject } | { readonly pod: OpenPod } | { readonly failed: unknown }
}

/** All the work that a body costs: reading it, the schema and the rules, and what a pod becomes. Pure; never throws. */
export function examineReview(body: Buffer, { question, now }: Circumstances, settings: InjectionSettings): Examined {
  const review = readReview(body)
  if ('fault' in review) return review
  const { uid, kind, namespace, name, operation } = review
  const asked = question === 'either' ? (isAboutPod(review) ? 'mutate' : 'validate') : question
  return {
    uid,
    question: asked,
    about: { kind: kind.kind, namespace, name, operation },
    result: resultOf(review, asked, now, settings),
  }
}

function resultOf(
  review: AdmissionRequest,
  question: AdmissionQuestion,
  now: number,
  settings: InjectionSettings,
): ExaminedReview['result'] {
  try {
    if (question === 'mutate') {
      const pod = examinePod(review, settings)
      return 'allowed' in pod ? pod : { pod }
    }
    const object = examineObject(review, now)
    return 'allowed' in object ? object : { object }
  } catch (error) {
    return { failed: error }
  }
}
