import type { AccessKey, AccessKeyStatus, PublishedKey } from '../api/access-key.ts'
import { nameSome } from '../base/name-some.ts'
import { secondsOfTime, timeOf } from '../base/time.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import { lastUse } from '../status/last-use.ts'
import { type Pause, pausedFindings } from '../status/paused.ts'
import {
  type ConditionFinding,
  type EnforcedView,
  latchEnforced,
  notReady,
  reportConditions,
} from '../status/report.ts'
import type { KeyFault } from './accept-access-key.ts'
import type { Rotating, SecretState, Trouble } from './key-plan.ts'
import { findExpiring, rotatesText } from './life-times.ts'
import { longestName, longestSecretName, type SecretSlot, secretNameOf } from './secret-data.ts'

/** What only a person can put right. */
const stuck = ['SecretConflict', 'SecretForbidden', 'SecretRefused', 'SecretContended']

interface Outcome {
  readonly accessKey: AccessKey
  readonly client: ResolvedClient | undefined
  readonly fault: KeyFault | undefined
  readonly missingRoles: readonly string[]
  readonly keys: readonly PublishedKey[]
  /** `kid` of the key in use. */
  readonly keyId?: string
  readonly secretState: SecretState
  /** Absent when it is not paused. */
  readonly paused?: Omit<Pause, 'left'>
  readonly nextTrouble?: Trouble
  readonly contended?: boolean
  readonly altered?: readonly string[]
  /** The mounted Secret is marked so: Kubernetes changes its content never again. */
  readonly immutable?: boolean | undefined
  readonly rotating?: Rotating
  readonly renewalAt?: number
  readonly byDefault?: boolean
  readonly enforced: EnforcedView | undefined
  /** Seconds since epoch. */
  readonly now: number
}

/** The whole status. The same outcome gives the same status, so that an unchanged one is not written. */
export function composeKeyStatus(outcome: Outcome): AccessKeyStatus {
  const { accessKey, client, keys, keyId, secretState } = outcome
  const previous = accessKey.status
  const { generation } = accessKey.metadata
  const current = keys.find(key => key.kid === keyId)
  const clientId = client?.clientId ?? previous?.clientId
  const minted = !accessKey.spec.publicKey
  const bound = minted && (secretState === 'good' || (previous?.binding !== undefined && secretState !== 'foreign'))
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: reportConditions(previous?.conditions, generation, timeOf(outcome.now), findings(outcome)),
    state: stateOf(outcome, current),
    ...(clientId !== undefined && { clientId }),
    ...(current && { keyId: current.kid }),
    ...(keys.length > 0 && { keys: [...keys] }),
    ...(minted && { secretName: secretNameOf(accessKey) }),
    ...(current?.notAfter !== undefined && { expiresAt: current.notAfter }),
    ...(outcome.renewalAt !== undefined && {
      renewalTime: timeOf(outcome.renewalAt),
      rotates: rotatesText(outcome.renewalAt, outcome.now),
    }),
    ...(outcome.byDefault && keys.length > 0 && { rotationDefault: 'ByClientType' as const }),
    ...(bound && { binding: { name: secretNameOf(accessKey) } }),
    ...lastUse(previous),
  }
}

function stateOf(
  { accessKey, client, fault, now }: Outcome,
  current: PublishedKey | undefined,
): AccessKeyStatus['state'] {
  if (accessKey.spec.revoked) return 'Revoked'
  // What is wrong with the rotation alone takes nothing from the key.
  if (fault && fault.keys !== 'managed') return 'Refused'
  if (current?.state === 'Active') return client?.suspended ? 'Suspended' : 'Active'
  if (current?.state === 'Expired' || current?.state === 'Revoked') return current.state
  return expired(accessKey, now) ? 'Expired' : 'Pending'
}

function findings(outcome: Outcome): ConditionFinding[] {
  const { accessKey, keys, keyId, enforced } = outcome
  const accepted = acceptance(outcome)
  const ready = readiness(outcome, accepted)
  const stalled = stuck.includes(ready.reason)
  const inUse = keys.find(key => key.kid === keyId)
  const previous = accessKey.status
  // Another key, or the same one in another state, has to reach the guards anew though the generation is the same.
  const state = (list: readonly PublishedKey[] | undefined, kid: string | undefined) =>
    list?.find(key => key.kid === kid)?.state
  const same = previous?.keyId === keyId && state(previous?.keys, keyId) === state(keys, keyId)
  const all = [
    accepted,
    ready,
    latchEnforced(same ? previous?.conditions : undefined, accessKey.metadata.generation, enforced),
    ...(outcome.rotating ? [{ type: 'Rotating', status: 'True' as const, ...outcome.rotating }] : []),
    ...(stalled ? [{ type: 'Stalled', status: 'True' as const, reason: ready.reason, message: ready.message }] : []),
  ]
  const said = pausedFindings(all, outcome.paused && { left: keyLeft, ...outcome.paused })
  const expiring = findExpiring({ accessKey, inUse, renewalAt: outcome.renewalAt, findings: said }, outcome.now)
  return [...said, ...(expiring ? [expiring] : [])]
}

const keyLeft = 'Secret and published keys are left as they are; what ends or is revoked is refused all the same.'

/** A role that is missing holds nothing up: the key is minted, and the role counts from when it exists. */
function acceptance({ accessKey, fault, missingRoles }: Outcome): ConditionFinding {
  if (fault) return { type: 'Accepted', status: 'False', reason: fault.reason, message: fault.message }
  if (missingRoles.length === 0) {
    return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The key is understood.' }
  }
  const others = (accessKey.spec.roles?.length ?? 0) - missingRoles.length
  const worth =
    others > 0 ? 'the others of spec.roles count' : 'the key opens nothing, for spec.roles names no other role'
  return {
    type: 'Accepted',
    status: 'False',
    reason: 'RoleNotFound',
    message: `There is no roles.latchkey.dev ${nameSome(missingRoles, 10)}; ${worth}. Create it or correct the name.`,
  }
}

function readiness(outcome: Outcome, accepted: ConditionFinding): ConditionFinding {
  const { accessKey, client, fault, keys, keyId, secretState } = outcome
  const say = (status: 'True' | 'False', reason: string, message: string): ConditionFinding => ({
    type: 'Ready',
    status,
    reason,
    message,
  })
  const current = keys.find(key => key.kid === keyId)
  if (!accessKey.spec.revoked && fault) return notReady(accepted)
  const trouble =
    troubleAt(accessKey, outcome.contended ? 'contended' : secretState, 'mounted', outcome.immutable) ??
    troubleAt(accessKey, outcome.nextTrouble, 'staged')
  if (trouble) return trouble
  if (accessKey.spec.revoked) {
    if (secretState === 'missing') return say('False', 'Pending', 'The key is revoked; the Secret is being emptied.')
    return say('True', 'Revoked', 'The key is revoked.')
  }
  if (current?.state === 'Expired') return say('True', 'Expired', 'The key has ended.')
  if (current?.state === 'Revoked' && secretState === 'none') {
    return say('True', 'Revoked', 'The key is revoked. Put another one into spec.publicKey.')
  }
  if (secretState === 'missing') {
    if (expired(accessKey, outcome.now)) return say('True', 'Expired', 'The key has ended.')
    return say('False', 'Pending', `A key is being minted into the Secret ${secretNameOf(accessKey)}.`)
  }
  if (secretState === 'leaving') {
    return say(
      'False',
      'Pending',
      `The Secret ${secretNameOf(accessKey)} is of an earlier AccessKey of this name. A key is minted once it is gone.`,
    )
  }
  if (client?.suspended) return say('True', 'ClientSuspended', 'The client is suspended: no guard takes the key.')
  if (accepted.status === 'False') return { ...accepted, type: 'Ready', status: 'True' }
  if (outcome.altered) return say('True', 'SecretAltered', alteredText(accessKey, outcome.altered))
  return say('True', 'Ready', 'The key is published.')
}

const mostNamed = 5

function alteredText(accessKey: AccessKey, fields: readonly string[]): string {
  return `The key is published. Of the Secret ${secretNameOf(accessKey)} somebody else changes ${nameSome(fields, mostNamed)} whenever it is written: an admission policy, or a controller. That is left so, and tried again now and then. Except the Secret from it, or say in spec.secretTemplate what it asks for.`
}

function expired({ spec }: AccessKey, now: number): boolean {
  return spec.expiresAt !== undefined && secondsOfTime(spec.expiresAt) <= now
}

/** What a person has to put right at one of the Secrets, and how. */
function troubleAt(
  accessKey: AccessKey,
  state: SecretState | Trouble | undefined,
  slot: SecretSlot,
  immutable = false,
): ConditionFinding | undefined {
  const name = secretNameOf(accessKey, slot)
  const { namespace } = accessKey.metadata
  const say = (reason: string, message: string): ConditionFinding => ({
    type: 'Ready',
    status: 'False',
    reason,
    message: slot === 'mounted' ? message : `${message} Until then the key in use stays, and does not rotate.`,
  })
  switch (state) {
    case 'forbidden':
      return say(
        'SecretForbidden',
        `The operator may not write Secrets in namespace ${namespace}. Add the namespace to the chart value secrets.namespaceList.`,
      )
    case 'refused':
      if (name.length > longestName) {
        return say(
          'SecretRefused',
          `The Secret of the next key would have the name of the other one with -next behind it, ${name.length} characters, and Kubernetes takes ${longestName}. Create another AccessKey with a secretName of at most ${longestSecretName} characters.`,
        )
      }
      if (immutable) {
        return say(
          'SecretRefused',
          `The Secret ${name} is immutable, so its key cannot become another one. Delete it: a key is minted into a new one. Pods read that after a restart.`,
        )
      }
      return say(
        'SecretRefused',
        `The API server refuses to write the Secret ${name}. Look at the quotas and admission policies of namespace ${namespace}, and whether it is being deleted.`,
      )
    case 'foreign':
      return say(
        'SecretConflict',
        `The Secret ${name} exists and is not of this AccessKey. Delete it if nobody needs it, or use another secretName in a new AccessKey.`,
      )
    case 'contended':
      return say(
        'SecretContended',
        `Somebody else writes the Secret ${name} each time a key is put into it. It gets another one less and less often; the key of before stays valid for the overlap. Look in its metadata.managedFields who that is, and have it leave the Secret alone.`,
      )
    default:
      return undefined
  }
}
