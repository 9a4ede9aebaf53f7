import type { AccessKey, AccessKeyStatus, PublishedKey } from '../api/access-key.ts'
import type { accessKeyConditions } from '../api/access-key-conditions.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { EnforcedView, PlannedEvent } from '../status/report.ts'
import type { KeyFault } from './accept-access-key.ts'
import type { ObservedSecret } from './judge-secret.ts'
import type { RepairOf, Repairs } from './repairs.ts'
import type { SecretObject, SecretSlot } from './secret-data.ts'

/** `missing`: there is work to do at the Secret. `leaving`: an earlier one is still being collected. `none`: there need not be one. `unknown`: it was not judged. */
export type SecretState = 'good' | 'missing' | 'leaving' | 'none' | 'foreign' | 'forbidden' | 'refused' | 'unknown'

/** `forbidden`: the API server refuses us the Secrets of this namespace. `refused`: it took no write of this one. */
export type FoundSecret = ObservedSecret | 'forbidden' | 'refused' | undefined

/** Everything one pass over an AccessKey looks at, read live. */
export interface ObservedAccessKey {
  readonly accessKey: AccessKey
  readonly client: ResolvedClient | undefined
  readonly secrets: { readonly [slot in SecretSlot]?: FoundSecret }
  readonly schemaFault?: string | undefined
  /** Its client has as many AccessKeys before it as may count. */
  readonly isBeyondShare?: boolean | undefined
  /** `namespace/name` of roles that the spec names and that do not exist. */
  readonly missingRoles: readonly string[]
  readonly issuer: string
  /** PEM bundle. */
  readonly ca: string
  readonly enforced?: EnforcedView | undefined
  /** How long the next key is published before it is handed out: others keep the list of keys for so long. */
  readonly publishAheadSeconds: number
  /** Guards that heard nothing for so long deny everything: the longest maxStaleness of the services concerned. */
  readonly stalenessSeconds: number
  /** The mounted Secret, of which a write was refused, is marked so. */
  readonly immutable?: boolean | undefined
  /** What this operator put right lately. */
  readonly repairs?: Repairs | undefined
}

/** One write of the Secret in a slot. `mint` asks the caller for a new key pair; its Secret is then `mintedSecret`. */
export type SecretWrite = { readonly slot: SecretSlot } & (
  | { readonly kind: 'mint'; readonly number: number; readonly previous?: SecretObject }
  | { readonly kind: 'create-secret' | 'update-secret' | 'delete-secret'; readonly secret: SecretObject }
  /** The key stays; what stands beside it is put right. */
  | { readonly kind: 'refresh-secret'; readonly secret: SecretObject }
)

/** A write, and the events to be recorded once it has landed. */
export interface PlannedWrite<Write> {
  readonly write: Write
  readonly events: readonly PlannedEvent[]
  /** What it puts right: who undoes it again and again is not answered each time. */
  readonly repair?: RepairOf
}

/** What one case of an AccessKey's life comes to: what is published, and what is to be done at its Secrets. */
export interface CasePlan {
  readonly keys: readonly PublishedKey[]
  /** `kid` of the key in use. */
  readonly keyId?: string
  readonly secretState: SecretState
  /** What stands in the way at the Secret of the next key. */
  readonly nextTrouble?: Trouble
  /** Somebody takes the key out of the Secret again and again. */
  readonly contended?: boolean
  /** Fields of the Secret that somebody sets to something else whenever it is written. */
  readonly altered?: readonly string[]
  readonly rotating?: Rotating
  /** When the next key takes the place of the one in use: seconds since epoch. */
  readonly renewalAt?: number
  /** Whether the key rotates though its spec does not say so. */
  readonly byDefault?: boolean
  /** Seconds since epoch: when to look again. */
  readonly wakeAt?: readonly number[]
  /** Comes before a status that gives rights. */
  readonly first?: PlannedWrite<SecretWrite>
  /** Comes when the status is written. */
  readonly last?: PlannedWrite<SecretWrite>
}

/** Why a Secret cannot be written: it is somebody else's, the API server refuses, or somebody undoes it each time. */
export type Trouble = Extract<SecretState, 'foreign' | 'forbidden' | 'refused'> | 'contended'

/** Where a rotation under way stands: a reason of the condition Rotating. */
export interface Rotating {
  readonly reason: keyof typeof accessKeyConditions.Rotating
  readonly message: string
}

/** @param now seconds since epoch, whole */
export type PlanCase = (observed: ObservedAccessKey, fault: KeyFault | undefined, now: number) => CasePlan

/** At most one write; transitions of the status are told by whoever writes it. */
export interface AccessKeyPlan extends Partial<PlannedWrite<SecretWrite | StatusWrite>> {
  readonly events: readonly PlannedEvent[]
  /** Seconds since epoch: when time alone changes something. */
  readonly nextAt?: number
}

export interface StatusWrite {
  readonly kind: 'status'
  readonly status: AccessKeyStatus
}
