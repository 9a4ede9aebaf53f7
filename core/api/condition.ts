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

/** @returns the condition of that type, if the list has one. */
export function findCondition(list: readonly Condition[] | undefined, type: string): Condition | undefined {
  return list?.find(condition => condition.type === type)
}

/**
 * A new list with this condition set, the others untouched and in their order.
 * The same input gives an equal list, so that "status unchanged" can be seen by comparing.
 * @param now RFC 3339 time in whole seconds, used when the condition is new or its `status` changed
 * @see Kubernetes api-conventions.md, "Typical status properties"
 */
export function setCondition(
  list: readonly Condition[] | undefined,
  next: Omit<Condition, 'lastTransitionTime'>,
  now: string,
): Condition[] {
  const previous = findCondition(list, next.type)
  const lastTransitionTime = previous?.status === next.status ? previous.lastTransitionTime : now
  const condition: Condition = { ...next, lastTransitionTime }
  if (!previous) return [...(list ?? []), condition]
  return (list ?? []).map(existing => (existing.type === next.type ? condition : existing))
}
