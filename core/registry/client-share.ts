import type { AccessKey } from '../api/access-key.ts'
import { byAge, isPresent } from './ids.ts'
import type { PodObject } from './kubernetes.ts'

/**
 * What one client puts into a slice at most, so that none takes a service's policy from the others: with 16 published
 * keys for each AccessKey, of a kilobyte for the largest kind, and 39 bytes for a pod, 1.3 MiB. A guard takes 8 MiB by
 * default.
 */
export const mostOfClient = { accessKeys: 64, pods: 4_096 }

/** Those of one client's AccessKeys that count: the oldest; those that are revoked or ended come after all others. */
export function countedAccessKeys<T extends AccessKey>(accessKeys: Iterable<T>): T[] {
  const first: T[] = []
  for (const accessKey of accessKeys) {
    if (!isPresent(accessKey)) continue
    const last = first.at(-1)
    if (first.length === mostOfClient.accessKeys && last && byRank(accessKey, last) > 0) continue
    const place = first.findLastIndex(other => byRank(other, accessKey) < 0) + 1
    first.splice(place, 0, accessKey)
    if (first.length > mostOfClient.accessKeys) first.pop()
  }
  return first
}

/** Whether an AccessKey has no place beside the others of its client. */
export function isBeyondShare(accessKey: AccessKey, ofClient: Iterable<AccessKey>): boolean {
  let before = 0
  for (const other of ofClient) {
    if (other.metadata.name !== accessKey.metadata.name && isPresent(other) && byRank(other, accessKey) < 0) before++
  }
  return before >= mostOfClient.accessKeys
}

/** The pods of one client that count, with the oldest first, when there are more than may. */
export function countedPods(pods: readonly PodObject[]): readonly PodObject[] {
  return pods.length <= mostOfClient.pods ? pods : pods.toSorted(byAge).slice(0, mostOfClient.pods)
}

function byRank(a: AccessKey, b: AccessKey): number {
  return Number(isOver(a)) - Number(isOver(b)) || byAge(a, b)
}

/** What says so is in the object: a time that passes is told by the operator. */
export function isOver({ spec, status }: AccessKey): boolean {
  return spec.revoked !== undefined || status?.state === 'Expired'
}
