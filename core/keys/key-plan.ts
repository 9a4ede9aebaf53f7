import type { AccessKey, AccessKeyStatus, PublishedKey } from '../api/access-key.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { EnforcedView, PlannedEvent } from '../status/report.ts'
import type { KeyFault } from './accept-access-key.ts'
import type { SecretState } from './access-key-status.ts'
import type { ObservedSecret } from './judge-secret.ts'
import type { SecretObject, SecretSlot } from './secret-data.ts'

/** `forbidden`: the API server refuses us the Secrets of this namespace. `refused`: it took no write of this one. */
export type FoundSecret = ObservedSecret | 'forbidden' | 'refused' | undefined

/** Everything one pass over an AccessKey looks at, read live. */
export interface ObservedAccessKey {
  readonly accessKey: AccessKey
  readonly client: ResolvedClient | undefined
  readonly secrets: { readonly [slot in SecretSlot]?: FoundSecret }
  readonly schemaFault?: string | undefined
  /** `namespace/name` of roles that the spec names and that do not exist. */
  readonly missingRoles: readonly string[]
  readonly issuer: string
  /** PEM bundle. */
  readonly ca: string
  readonly enforced?: EnforcedView | undefined
}

/** One write of the Secret in a slot. `mint` asks the caller for a new key pair; its Secret is then `mintedSecret`. */
export type SecretWrite = { readonly slot: SecretSlot } & (
  | { readonly kind: 'mint'; readonly number: number; readonly previous?: SecretObject }
  | { readonly kind: 'update-secret'; readonly secret: SecretObject }
  /** The key stays; what stands beside it is put right. */
  | { readonly kind: 'refresh-secret'; readonly secret: SecretObject }
)

/** A write, and the events to be recorded once it has landed. */
export interface PlannedWrite<Write> {
  readonly write: Write
  readonly events: readonly PlannedEvent[]
}

/** What one case of an AccessKey's life comes to: what is published, and what is to be done at its Secrets. */
export interface CasePlan {
  readonly keys: readonly PublishedKey[]
  /** `kid` of the key in use. */
  readonly keyId?: string
  readonly secretState: SecretState
  /** Comes before a status that gives rights. */
  readonly first?: PlannedWrite<SecretWrite>
  /** Comes when the status is written. */
  readonly last?: PlannedWrite<SecretWrite>
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
