import type { Seen } from '../../core/rows/frames.ts'
import type { GuardReport } from '../../core/status/judge-enforcement.ts'
import type { Objects } from '../objects.ts'
import type { Slices } from '../slices/slices.ts'
import type { GuardStream } from '../snapshots/guard-stream.ts'

/** What this replica's guards hold; the operator adds up the replicas. */
export interface Enforcement {
  /** What the hashes include, bookmarks counted. */
  readonly seen: Seen
  readonly slices: Readonly<Record<string, { readonly hash: string; readonly guards: readonly Reported[] }>>
}

/** This release says these two of every guard. */
type Reported = GuardReport & Required<Pick<GuardReport, 'exposed' | 'wouldDeny'>>

export function reportEnforcement(objects: Objects, slices: Slices, streams: Iterable<GuardStream>): Enforcement {
  // What has been seen but not carried out must not look enforced.
  slices.flush()
  const guards = Map.groupBy(streams, stream => stream.slice.key)
  const report = [...slices.all()].map(slice => {
    const isCurrent = slices.isCurrent(slice.key)
    const reports = (guards.get(slice.key) ?? []).map(stream => guardReport(stream, isCurrent))
    return [slice.key, { hash: slice.hash(), guards: reports }] as const
  })
  return { seen: objects.progress(), slices: Object.fromEntries(report) }
}

/** It ends in a status: only what a release can be called. */
const releaseName = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/

function guardReport(
  { holder, held, view, isViewCurrent, version, tooLarge }: GuardStream,
  isCurrent: boolean,
): Reported {
  const { hash, exposed = [], notListening, wouldDeny = 0 } = held()
  const needs = view.needs()
  const kept = tooLarge()
  return {
    ...(holder.pod && { namespace: holder.pod.namespace, pod: holder.pod.name, uid: holder.pod.uid }),
    hash,
    current: isCurrent && isViewCurrent() && hash === view.hash(),
    ...(needs !== undefined && { needs }),
    ...(releaseName.test(version) && { version }),
    ...(kept && { tooLarge: kept }),
    exposed,
    ...(notListening !== undefined && { notListening }),
    wouldDeny,
  }
}
