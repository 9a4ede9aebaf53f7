import type { Algorithm } from '../api/access-key.ts'
import { secondsOf, timeOf } from '../base/time.ts'

/** What the issuer may have keys for; of each that is chosen one signs. */
export const issuerAlgorithms = ['Ed25519', 'ES256', 'RS256'] as const satisfies readonly Algorithm[]
export type IssuerAlgorithm = (typeof issuerAlgorithms)[number]
/** Chosen where nobody says otherwise. The first one of those that are chosen signs access tokens. */
export const usualIssuerAlgorithms: readonly IssuerAlgorithm[] = ['Ed25519', 'ES256']

/** The file of the Secret that says what each key is for. Each key is a file `<kid>.jwk` beside it. */
export const issuerKeysFile = 'keys.json'

const states = ['Next', 'Signing', 'Retiring'] as const

/** One of the issuer's own keys. Times in seconds since epoch. */
export interface IssuerKey {
  readonly kid: string
  readonly algorithm: IssuerAlgorithm
  /** `Next` is published and signs nothing yet; `Signing` signs, one of an algorithm; `Retiring` signs nothing any more. */
  readonly state: (typeof states)[number]
  readonly createdAt: number
  /** When every replica was first seen to publish it. */
  readonly publishedAt?: number
  /** Of a retiring key: when it is taken away. */
  readonly until?: number
}

/** The text of `keys.json`. */
export function writeIssuerKeys(keys: readonly IssuerKey[]): string {
  const entries = keys.map(({ createdAt, publishedAt, until, ...key }) => ({
    ...key,
    createdAt: timeOf(createdAt),
    ...(publishedAt !== undefined && { publishedAt: timeOf(publishedAt) }),
    ...(until !== undefined && { until: timeOf(until) }),
  }))
  return JSON.stringify({ keys: entries })
}

/** @returns nothing where the file is missing or is not ours: then no key counts as published */
export function readIssuerKeys(text: string | undefined): readonly IssuerKey[] {
  try {
    const { keys } = JSON.parse(text ?? '') as { keys: Record<string, string>[] }
    const read = keys.map(readKey)
    return read.every(key => key !== undefined) ? read : []
  } catch {
    return []
  }
}

function readKey(entry: Readonly<Record<string, string>>): IssuerKey | undefined {
  const { kid } = entry
  const algorithm = issuerAlgorithms.find(name => name === entry.algorithm)
  const state = states.find(name => name === entry.state)
  const createdAt = secondsOf(entry.createdAt)
  const publishedAt = secondsOf(entry.publishedAt)
  const until = secondsOf(entry.until)
  if (typeof kid !== 'string' || !algorithm || !state || createdAt === undefined) return undefined
  if (state === 'Retiring' && until === undefined) return undefined
  return {
    ...{ kid, algorithm, state, createdAt },
    ...(publishedAt !== undefined && { publishedAt }),
    ...(until !== undefined && { until }),
  }
}

/** The keys that sign, by algorithm: no other may. */
export function signingKids(keys: readonly IssuerKey[]): Partial<Record<IssuerAlgorithm, string>> {
  return Object.fromEntries(
    keys.filter(({ state }) => state === 'Signing').map(({ algorithm, kid }) => [algorithm, kid]),
  )
}
