import { isRecord } from '../../core/base/is-record.ts'
import type { UsageReport, UsedKind } from '../../core/status/usage-report.ts'

/** A report of a replica, as far as it can be one. */
export interface UsedSince extends Pick<UsageReport, 'at'> {
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
