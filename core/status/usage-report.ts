/** Kinds of which it is known when they were used last, by their plural names. */
export const usedKinds = ['accesskeys', 'accessgrants', 'roles'] as const
export type UsedKind = (typeof usedKinds)[number]

/** What a replica of the issuer answers the operator: when objects were used of which a guard told since it asked. */
export interface UsageReport {
  /** Seconds since epoch, by the clock of the replica: what to ask from the next time. */
  readonly at: number
  /** Seconds since epoch of the last use, by `namespace/name`. */
  readonly used: Readonly<Record<UsedKind, Readonly<Record<string, number>>>>
}
