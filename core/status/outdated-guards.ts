import { nameSome } from '../base/name-some.ts'

/** Pods whose guard does not know all that the policy says: how many, the first ones, and the release that all need. */
export interface OutdatedGuards {
  readonly needs: string
  readonly count: number
  readonly pods: readonly string[]
}

const namedAtMost = 3

/** Always the same for the same pods, however they come; undefined where every guard knows all. */
export function joinOutdated(
  found: readonly { readonly needs: string; readonly name: string }[],
): OutdatedGuards | undefined {
  const needs = found
    .map(guard => guard.needs)
    .sort(byRelease)
    .at(-1)
  const names = found.map(({ name }) => name).sort()
  return needs === undefined ? undefined : { needs, count: names.length, pods: names.slice(0, namedAtMost) }
}

/** What it means for callers, and what to do. */
export function outdatedText({ needs, count, pods }: OutdatedGuards): string {
  return `The policy is published, but some guards are too old to know all that it says, and deny what that touches: ${nameSome(pods, namedAtMost, count)}. They need release ${needs}: roll out again, so that the pods get the guard that is installed.`
}

function byRelease(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
