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
