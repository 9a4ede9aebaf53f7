import type { AccessKey } from '../api/access-key.ts'
import { isSecretType } from '../api/secret-types.ts'
import { durationSeconds, secondsOfTime } from '../base/time.ts'
import { checkPublicKey } from '../jose/jwk.ts'
import { mostOfClient } from '../registry/client-share.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import { findRotationFault } from './rotation-fault.ts'
import { rotationTerms } from './rotation-schedule.ts'

/** Keys of Personal clients end within this time. */
export const longestPersonalSeconds = 2_160 * 3_600

/**
 * Why a key is not accepted. What is published stays where the client alone decides what it is worth (`kept`), and where only
 * its rotation is in question the Secret is looked after too (`managed`).
 */
export interface KeyFault {
  readonly reason:
    | 'ClientNotFound'
    | 'ClientRefused'
    | 'TooManyAccessKeys'
    | 'ExpiryRequired'
    | 'PublicKeyInvalid'
    | 'Unsupported'
    | 'Invalid'
  readonly message: string
  readonly keys: 'kept' | 'managed' | 'withdrawn'
  /** Seconds since epoch at which time alone may have cured it. */
  readonly lookAgainAt?: number
}

interface Acceptance {
  readonly accessKey: AccessKey
  readonly client: ResolvedClient | undefined
  /** What the schema says is wrong, for API servers that let it through. */
  readonly schemaFault?: string | undefined
  readonly publishAheadSeconds: number
  /** Its client has as many AccessKeys before it as may count. */
  readonly isBeyondShare?: boolean | undefined
}

type Check = (asked: Acceptance, now: number) => KeyFault | undefined

const checks: readonly Check[] = [
  unreadable,
  unsupported,
  noClient,
  clientRefused,
  beyondShare,
  badPublicKey,
  noExpiry,
  future,
  badRotation,
]

/** The first thing wrong with an AccessKey, or undefined. @param now seconds since epoch */
export function findKeyFault(asked: Acceptance, now: number): KeyFault | undefined {
  for (const check of checks) {
    const fault = check(asked, now)
    if (fault) return fault
  }
  return undefined
}

function unreadable({ accessKey: { spec }, schemaFault }: Acceptance): KeyFault | undefined {
  if (schemaFault !== undefined) return { reason: 'Invalid', message: schemaFault, keys: 'withdrawn' }
  for (const field of ['expiresAt', 'keysNotBefore'] as const) {
    const time = spec[field]
    if (time !== undefined && Number.isNaN(secondsOfTime(time))) {
      return {
        reason: 'Invalid',
        message: `spec.${field} is not an RFC 3339 time. Write it as in 2027-01-31T12:00:00Z.`,
        keys: 'withdrawn',
      }
    }
  }
  return undefined
}

function unsupported({ accessKey: { spec } }: Acceptance): KeyFault | undefined {
  const { type = 'KeyPair' } = spec
  if (type === 'KeyPair' || isSecretType(type)) return undefined
  return {
    reason: 'Unsupported',
    message: `This release does not make type ${String(type)}. Remove it.`,
    keys: 'withdrawn',
  }
}

function noClient({ accessKey, client }: Acceptance): KeyFault | undefined {
  if (client) return undefined
  const { name } = accessKey.spec.clientRef
  return {
    reason: 'ClientNotFound',
    message: `There is no ApiClient ${name} in this namespace. Create it, or create another AccessKey with the right clientRef.`,
    keys: 'kept',
  }
}

function clientRefused({ client }: Acceptance): KeyFault | undefined {
  if (!client || client.accepted) return undefined
  const { name } = client.client.metadata
  return {
    reason: 'ClientRefused',
    message: `The ApiClient ${name} is not accepted. See its conditions.`,
    keys: 'kept',
  }
}

/** What it published before stays: it counts again, as it is, when another one is deleted. */
function beyondShare({ accessKey, isBeyondShare }: Acceptance): KeyFault | undefined {
  if (!isBeyondShare) return undefined
  return {
    reason: 'TooManyAccessKeys',
    message: `The ApiClient ${accessKey.spec.clientRef.name} has more than ${mostOfClient.accessKeys} AccessKeys; the oldest count. Delete those that nobody uses, or give this one a client of its own.`,
    keys: 'kept',
  }
}

function badPublicKey({ accessKey: { spec } }: Acceptance): KeyFault | undefined {
  const wrong = spec.publicKey && checkPublicKey(spec.publicKey, spec.algorithm ?? 'Ed25519')
  return wrong === undefined ? undefined : { reason: 'PublicKeyInvalid', message: wrong, keys: 'withdrawn' }
}

function noExpiry({ accessKey: { spec }, client }: Acceptance, now: number): KeyFault | undefined {
  if (client?.client.spec.type !== 'Personal') return undefined
  const say = (message: string, lookAgainAt?: number): KeyFault => ({
    reason: 'ExpiryRequired',
    message,
    keys: 'withdrawn',
    ...(lookAgainAt !== undefined && { lookAgainAt }),
  })
  if (spec.validity !== undefined) {
    const tooLong = (durationSeconds(spec.validity) ?? Number.POSITIVE_INFINITY) > longestPersonalSeconds
    return tooLong ? say('Keys of a Personal client live at most 2160h. Shorten spec.validity.') : undefined
  }
  if (spec.expiresAt === undefined) {
    return say('Keys of a Personal client must expire. Set spec.validity or spec.expiresAt, at most 2160h ahead.')
  }
  const allowedFrom = secondsOfTime(spec.expiresAt) - longestPersonalSeconds
  if (allowedFrom <= now) return undefined
  return say('Keys of a Personal client end at most 2160h ahead. Choose an earlier spec.expiresAt.', allowedFrom)
}

function future({ accessKey: { spec } }: Acceptance, now: number): KeyFault | undefined {
  if (spec.keysNotBefore === undefined) return undefined
  const from = secondsOfTime(spec.keysNotBefore)
  if (from <= now) return undefined
  return {
    reason: 'Invalid',
    message: 'spec.keysNotBefore is in the future. All older keys are revoked; the new one is minted at that moment.',
    keys: 'kept',
    lookAgainAt: from,
  }
}

/** Last: a key that is accepted but for this does not rotate. */
function badRotation(
  { accessKey: { spec }, client, publishAheadSeconds }: Acceptance,
  now: number,
): KeyFault | undefined {
  const terms = rotationTerms(spec, client?.client.spec.type, false)
  const fault = findRotationFault({ spec, terms, publishAheadSeconds, now })
  return fault && { reason: 'Invalid', keys: 'managed', ...fault }
}
