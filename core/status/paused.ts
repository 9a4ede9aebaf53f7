import type { Metadata } from '../api/kind.ts'
import { pausedAnnotation } from '../api/labels.ts'
import type { ConditionFinding } from './report.ts'

/** Any value but `false` pauses: a pause gives nothing, and who misspells it meant it. */
export function isPaused({ metadata }: { readonly metadata: Metadata }): boolean {
  const value = metadata.annotations?.[pausedAnnotation]
  return value !== undefined && value !== 'false'
}

/** What a pause means for one object. */
export interface Pause {
  /** What is left as it is, as a sentence. */
  readonly left: string
  /** Whether there would be something to do. */
  readonly withheld: boolean
  /** What that is, in words that follow a colon. */
  readonly waits?: string
}

/**
 * The findings about a paused object: the condition Paused, and Ready says so too where all else is well. What is withheld
 * is not carried out. What is wrong besides keeps its reason: that a person pauses an object mends nothing.
 */
export function pausedFindings(findings: readonly ConditionFinding[], pause: Pause | undefined): ConditionFinding[] {
  if (!pause) return [...findings]
  const said = findings.map(finding => (finding.type === 'Ready' ? pausedReady(finding, pause) : finding))
  const message = `${pause.left} ${pause.waits === undefined ? '' : `After the pause: ${pause.waits}. `}${howToEnd}`
  return [...said, { type: 'Paused', status: 'True', reason: 'Paused', message }]
}

const howToEnd = `Remove the annotation ${pausedAnnotation} to go on.`

function pausedReady(ready: ConditionFinding, { left, withheld, waits }: Pause): ConditionFinding {
  const carriedOut = ready.status === 'True'
  if (withheld && (carriedOut || ready.reason === 'Pending')) {
    return {
      type: 'Ready',
      status: 'False',
      reason: 'Paused',
      message: `There is something to do${waits === undefined ? '' : `: ${waits}`}. ${left} ${howToEnd}`,
    }
  }
  if (carriedOut && ready.reason === 'Ready') return { ...ready, reason: 'Paused', message: `${ready.message} ${left}` }
  return ready
}
