import { isRecord } from '../../core/base/is-record.ts'

/** Kinds of which it is told when they were used, by their plural names. */
export const usedKinds = ['accesskeys', 'accessgrants', 'roles'] as const
export type UsedKind = (typeof usedKinds)[number]

/** What a replica of the issuer was told by its guards since it was asked last. */
export interface UsedSince {
  /** Seconds since epoch, by the clock of the replica: what to ask from the next time. */
  readonly at: number
  /** Seconds since epoch of the last use, by `namespace/name`. */
  readonly used: Readonly<Record<UsedKind, ReadonlyMap<string, number>>>
}

/** @throws Error that quotes nothing of the answer */
export function readUsedSince(body: string): UsedSince {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    // The parser's message would quote the answer.
  }
  const { at, used } = isRecord(parsed) ? parsed : {}
  if (!isSecond(at) || !isRecord(used)) throw new Error('the issuer did not answer with what was used')
  return {
    at,
    used: {
      accesskeys: secondsIn(used.accesskeys),
      accessgrants: secondsIn(used.accessgrants),
      roles: secondsIn(used.roles),
    },
  }
}

function secondsIn(value: unknown): ReadonlyMap<string, number> {
  const entries = Object.entries(isRecord(value) ? value : {})
  return new Map(entries.filter((entry): entry is [string, number] => isSecond(entry[1])))
}

function isSecond(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}
