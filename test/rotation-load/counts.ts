/** What a caller counted since its start. It prints this as a line of JSON, again and again. */
export interface Counts {
  /** Answers and failures together. */
  readonly calls: number
  /** Calls by the `kid` of the key that their token was signed with. */
  readonly keys: Readonly<Record<string, number>>
  /** Calls that were refused or got no answer, by reason: `401 key_revoked`, `ECONNREFUSED`. */
  readonly faults: Readonly<Record<string, number>>
  /** The first of them in words, with time and key. */
  readonly examples: readonly string[]
  /** Calls made again, for the other side had closed the kept connection meanwhile. */
  readonly repeated: number
  /** Its last words: no call is under way any more. */
  readonly ended: boolean
}

export const nothing: Counts = { calls: 0, keys: {}, faults: {}, examples: [], repeated: 0, ended: true }

/** What several callers counted together; it has ended when all have. */
export function sum(all: readonly Counts[]): Counts {
  return all.reduce(
    (total, one) => ({
      calls: total.calls + one.calls,
      keys: added(total.keys, one.keys),
      faults: added(total.faults, one.faults),
      examples: [...total.examples, ...one.examples],
      repeated: total.repeated + one.repeated,
      ended: total.ended && one.ended,
    }),
    nothing,
  )
}

function added(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return Object.fromEntries([...names].map(name => [name, (a[name] ?? 0) + (b[name] ?? 0)]))
}
