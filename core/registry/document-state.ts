import type { GuardedService } from '../api/guarded-service.ts'
import type { RouteRow } from '../rows/rows.ts'
import type { DocumentFault } from './inspect-document.ts'
import type { DocumentReading, OpenApiSource } from './openapi-document.ts'

// One lost answer is no news, and a status that says so would be written twice for each.
const failuresTold = 3

const unread: DocumentFault = {
  reason: 'OpenApiUnread',
  message: 'The OpenAPI document could not be fetched; it is tried again.',
}

/** What is known of the document of one GuardedService. */
export interface DocumentState {
  /** Of the GuardedService: one that was made anew starts with nothing. */
  readonly uid: string | undefined
  /** What was read last, good or not. */
  readonly read?: { readonly ref: string; readonly name: string; readonly version: string }
  readonly fault?: DocumentFault
  /** Of the last good document. */
  readonly routes?: readonly RouteRow[]
  /** Looks in a row of which nothing came. */
  readonly failures: number
  /** The same object while the same is known. */
  readonly source: OpenApiSource
}

/** What came of one look at the document. */
export type Look =
  | { readonly read: NonNullable<DocumentState['read']>; readonly reading: DocumentReading }
  /** The ConfigMap is at the version that was read. */
  | { readonly unchanged: true }
  | { readonly failed: true }

export function stateBefore(service: GuardedService): DocumentState {
  return { uid: service.metadata.uid, failures: 0, source: {} }
}

/** What is known after a look. What was good stays in force until another document is. */
export function afterLook(state: DocumentState, look: Look): DocumentState {
  if ('unchanged' in look) return state.failures === 0 ? state : withSource({ ...state, failures: 0 })
  if ('failed' in look) return withSource({ ...state, failures: state.failures + 1 })
  const { fault: _, ...rest } = state
  const { read, reading } = look
  return withSource({
    ...rest,
    read,
    failures: 0,
    ...('fault' in reading ? { fault: reading.fault } : { routes: reading.routes }),
  })
}

/** Whether something can be said of the document that is named now: it was read, or tried often enough. */
export function isSettled(state: DocumentState | undefined, service: GuardedService): boolean {
  return state?.read?.ref === refOf(service) || (state?.failures ?? 0) >= failuresTold
}

/** The ConfigMap and its key, as they are compared. */
export function refOf({ spec }: GuardedService): string {
  return JSON.stringify(spec.openapi?.configMapRef ?? null)
}

function withSource(state: DocumentState): DocumentState {
  const fault = state.failures >= failuresTold ? unread : state.fault
  const { routes } = state
  const { source } = state
  if (source.routes === routes && source.fault === fault) return state
  return { ...state, source: { ...(routes && { routes }), ...(fault && { fault }) } }
}
