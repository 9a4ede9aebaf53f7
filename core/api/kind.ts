import type { z } from 'zod'

/** One column that `kubectl get` prints; priority 1 columns show with `-o wide`. */
export interface PrinterColumn {
  readonly name: string
  readonly type: 'string' | 'integer' | 'date'
  readonly jsonPath: string
  readonly description: string
  readonly priority?: 0 | 1
}

/** What the API server has to know of a kind. */
export interface KindShape {
  readonly kind: string
  readonly plural: string
  readonly singular: string
  readonly description: string
  readonly spec: z.ZodType
  readonly columns: readonly PrinterColumn[]
  /** JSON paths of fields that field selectors may name. */
  readonly selectable?: readonly string[]
}

/** Everything the product says about one kind that people write: CRD, types and reference page are made from it. */
export interface KindDefinition extends KindShape {
  readonly shortNames: readonly string[]
  readonly status: z.ZodType
  /** Condition types with their closed lists of reasons: reason → what it means and what to do. */
  readonly conditions: Readonly<Record<string, Readonly<Record<string, string>>>>
}

export const group = 'latchkey.dev'
export const version = 'v1alpha1'
export const apiVersion = `${group}/${version}`

/** Metadata of an object, as far as the rules read it. */
export interface Metadata {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Record<string, string>
  readonly annotations?: Record<string, string>
}

/** An object of one of our kinds. */
export interface ApiObject<Spec, Status> {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: Metadata
  readonly spec: Spec
  readonly status?: Status
}

export const readyColumn: PrinterColumn = {
  name: 'Ready',
  type: 'string',
  jsonPath: ".status.conditions[?(@.type=='Ready')].status",
  description: 'Whether the spec is carried out.',
}
export const reasonColumn: PrinterColumn = {
  name: 'Reason',
  type: 'string',
  jsonPath: ".status.conditions[?(@.type=='Ready')].reason",
  description: 'Why it is ready, or is not.',
}
export const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since creation.',
}

export const enforcedColumn: PrinterColumn = {
  name: 'Enforced',
  type: 'string',
  jsonPath: ".status.conditions[?(@.type=='Enforced')].status",
  description: 'Whether every guard concerned has it.',
  priority: 1,
}

export const lastUsedColumn: PrinterColumn = {
  name: 'Last-Used',
  type: 'date',
  jsonPath: '.status.lastUsedAt',
  description: 'Time since the last use that a guard told of, to some minutes.',
  priority: 1,
}

/** The reasons of Accepted that Ready=False repeats, so that nobody has to look further. */
export function repeated(accepted: Readonly<Record<string, string>>, ...others: readonly string[]) {
  const reasons = Object.keys(accepted).filter(reason => reason !== 'Accepted' && !others.includes(reason))
  return Object.fromEntries(reasons.map(reason => [reason, 'As the condition Accepted says.']))
}

/** Reasons of Expiring. @param what what ends, and that nothing averts it; `…` stands where the span is */
export function expiringReasons(what: string): Readonly<Record<string, string>> {
  const spans = { Within30Days: '30 days', Within14Days: '14 days', Within7Days: '7 days', Within1Day: 'a day' }
  return Object.fromEntries(Object.entries(spans).map(([reason, span]) => [reason, what.replace('…', span)]))
}

/** The reason of the condition Paused, and of Ready where nothing else is to be said. */
export const pausedReasons = {
  Paused: 'The annotation latchkey.dev/paused is there: the operator leaves alone what the message says.',
}

/** Reasons of the condition Enforced on objects that reach guards. */
export const enforcedReasons = {
  Enforced: 'Every guard concerned holds this state.',
  NoGuards: 'No guard is concerned.',
  Waiting: 'Some guards do not hold this state yet; the message counts them.',
  GuardsLeftBehind:
    'Guards of a service that is gone or not accepted go on with the policy that they have; the message names them. Roll out their pods without the label, or make the service right: until then, or until its maxStaleness is over, they may let in what is revoked.',
}

/**
 * What our own schema says is wrong with a spec, as one sentence; undefined when nothing is. The API server checks the
 * same, but against the CRD that is installed, which may be of another version.
 */
export function schemaFaultOf(kind: KindDefinition, spec: unknown): string | undefined {
  const parsed = kind.spec.safeParse(spec)
  const issue = parsed.success ? undefined : parsed.error.issues[0]
  if (!issue) return undefined
  return `${['spec', ...issue.path].join('.')}: ${issue.message}`
}
