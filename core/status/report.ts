import { longestMessage } from '../api/schema.ts'

/** A condition as `metav1.Condition` defines it. */
export interface Condition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  /** PascalCase, from the kind's closed list. */
  reason: string
  /** A plain sentence without times, attempt numbers or random names: a changing message is a write per pass. */
  message: string
  /** The `metadata.generation` this was found out about. */
  observedGeneration?: number
  /** RFC 3339, whole seconds. Moves only when `status` changes. */
  lastTransitionTime: string
}

/** A condition as a status holds it. */
export type StoredCondition = Omit<Condition, 'observedGeneration'> & { observedGeneration?: number | undefined }

function find(list: readonly StoredCondition[] | undefined, type: string): StoredCondition | undefined {
  return list?.find(condition => condition.type === type)
}

/** What a reconciler says about one condition type; the rest of a condition follows from it. */
export interface ConditionFinding {
  readonly type: string
  readonly status: 'True' | 'False' | 'Unknown'
  readonly reason: string
  readonly message: string
}

/** Ready of an object that is not accepted: the cause itself, so that nobody has to look further. */
export function notReady({ reason, message }: ConditionFinding): ConditionFinding {
  return { type: 'Ready', status: 'False', reason, message }
}

/** What the guards hold of one object: `unknown` until the issuers were asked. */
export type EnforcedView =
  | { readonly state: 'unknown' }
  | { readonly state: 'no-guards' }
  | { readonly state: 'enforced' }
  | { readonly state: 'waiting'; readonly reason?: 'GuardsLeftBehind'; readonly message: string }

/**
 * The whole list of conditions: exactly the findings, in their order. What is not found is left out.
 * `lastTransitionTime` moves only when `status` changes, so that the same findings give the same list.
 * @param now RFC 3339, whole seconds
 */
export function reportConditions(
  previous: readonly StoredCondition[] | undefined,
  generation: number | undefined,
  now: string,
  findings: readonly ConditionFinding[],
): Condition[] {
  return findings.map(finding => {
    const before = find(previous, finding.type)
    return {
      type: finding.type,
      status: finding.status,
      reason: finding.reason,
      message: cut(finding.message),
      ...(generation !== undefined && { observedGeneration: generation }),
      lastTransitionTime: before?.status === finding.status ? before.lastTransitionTime : now,
    }
  })
}

/**
 * The API server refuses a whole status for one message that is too long: nothing that it says would be told. Counted
 * as there, by code points.
 */
function cut(message: string): string {
  if (message.length <= longestMessage) return message
  const characters = [...message]
  return characters.length <= longestMessage ? message : `${characters.slice(0, longestMessage - 1).join('')}…`
}

/**
 * The condition Enforced of objects that latch it: once True for a generation it stays, because pods that come later
 * start from a policy that has it.
 */
export function latchEnforced(
  previous: readonly StoredCondition[] | undefined,
  generation: number | undefined,
  view: EnforcedView | undefined,
): ConditionFinding {
  const before = find(previous, 'Enforced')
  const latched = before?.status === 'True' && before.observedGeneration === generation
  if (before && latched) return kept(before)
  switch (view?.state) {
    case 'enforced':
      return { type: 'Enforced', status: 'True', reason: 'Enforced', message: 'Every guard concerned holds it.' }
    case 'no-guards':
      return { type: 'Enforced', status: 'True', reason: 'NoGuards', message: 'No guard is concerned.' }
    case 'waiting':
      return { type: 'Enforced', status: 'False', reason: view.reason ?? 'Waiting', message: view.message }
    default:
      // Not asked yet, as after a restart: what was said of this generation stands until something better is known.
      if (before?.observedGeneration === generation && before) return kept(before)
      return { type: 'Enforced', status: 'Unknown', reason: 'Waiting', message: 'The guards have not been asked yet.' }
  }
}

function kept({ type, status, reason, message }: StoredCondition): ConditionFinding {
  return { type, status, reason, message }
}

/** An Event to record once the write that it tells of has landed. */
export interface PlannedEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly action: string
  readonly note: string
}

/** Ready=True, but nobody may take it for well: what ended by itself, and what opens nothing or less than it says. */
const warned = ['Expired', 'RuleMatchesNothing', 'RoleNotFound', 'NothingListens', 'GuardsOutdated', 'SecretAltered']
/** Reasons of Enforced that mean calls nobody decides about. */
export const aroundGuard: readonly string[] = ['ServiceBypassesGuard', 'DirectAccess']
/** Those that a person has to mend: each is told also when Enforced was False before. */
const calling: readonly string[] = [...aroundGuard, 'SliceTooLarge']

/**
 * An event when Ready means something else than before, none while work is under way, and none when a new object is well:
 * its condition says that. And one when Enforced turns False, or calls begin or cease to go around the guard.
 * @param enforcement `latched`: what waits for guards only waits for the first time, and that is no event
 */
export function transitionEvents(
  previous: readonly StoredCondition[] | undefined,
  next: readonly StoredCondition[],
  enforcement: 'latched' | 'live',
): PlannedEvent[] {
  const [ready, enforced] = [find(next, 'Ready'), find(next, 'Enforced')]
  return [
    ...(ready && isNews(find(previous, 'Ready'), ready) ? [eventOf(ready)] : []),
    // What is not accepted is told as such.
    ...(enforced && enforcement === 'live' && ready?.status !== 'False' && turned(find(previous, 'Enforced'), enforced)
      ? [eventOf(enforced)]
      : []),
  ]
}

function isNews(before: StoredCondition | undefined, now: StoredCondition): boolean {
  if (now.reason === 'Pending' || (before?.reason === now.reason && before.status === now.status)) return false
  const isNew = before === undefined || before.status === 'Unknown'
  return !isNew || isWarning(now)
}

function turned(before: StoredCondition | undefined, now: StoredCondition): boolean {
  if (calling.includes(now.reason)) return before?.reason !== now.reason
  if (now.status === 'False' && before?.status !== 'False') return true
  return before !== undefined && calling.includes(before.reason)
}

function isWarning({ status, reason }: StoredCondition): boolean {
  return status === 'False' || warned.includes(reason)
}

function eventOf(condition: StoredCondition): PlannedEvent {
  const { reason, message } = condition
  return { type: isWarning(condition) ? 'Warning' : 'Normal', reason, action: 'Reconcile', note: message }
}
