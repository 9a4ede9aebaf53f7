import type { AccessKey } from '../../core/api/access-key.ts'
import type { AccessKeyPlan, ObservedAccessKey } from '../../core/keys/key-plan.ts'
import { mintedSecret } from '../../core/keys/minted-secret.ts'
import type { KeyMaterial, SecretObject, SecretSlot } from '../../core/keys/secret-data.ts'
import type { PlannedEvent } from '../../core/status/report.ts'

/** Whose Secret it is, and what it is for. */
export interface SecretPlace {
  readonly accessKey: AccessKey
  readonly slot: SecretSlot
}

/** What a pass over an AccessKey writes. Each write is conditional on what was read. */
export interface AccessKeyWrites {
  /** Refused with 409 when there is one of that name. */
  createSecret(secret: SecretObject, place: SecretPlace): Promise<void>
  /** Refused with 409 unless uid and resourceVersion are the current ones. */
  updateSecret(secret: SecretObject, place: SecretPlace): Promise<void>
  /** The Secret as it was read: refused with 409 when there is another one now. */
  deleteSecret(secret: SecretObject, place: SecretPlace): Promise<void>
  /** Refused with 409 unless the resourceVersion is the current one. */
  writeStatus(accessKey: AccessKey, status: NonNullable<AccessKey['status']>): Promise<void>
  /** Undefined while it is being made; the AccessKey is looked at again when it is there. */
  generate(accessKey: AccessKey): Promise<KeyMaterial | undefined>
  record(accessKey: AccessKey, events: readonly PlannedEvent[]): void
}

/** The one write of a pass. @returns `not yet`: the key pair for it is still being made */
export async function writePlanned(
  planned: NonNullable<AccessKeyPlan['write']>,
  observed: ObservedAccessKey,
  writes: AccessKeyWrites,
): Promise<'written' | 'not yet'> {
  const { accessKey, client } = observed
  if (planned.kind === 'status') {
    await writes.writeStatus(accessKey, planned.status)
    return 'written'
  }
  const place = { accessKey, slot: planned.slot }
  switch (planned.kind) {
    case 'create-secret':
      await writes.createSecret(planned.secret, place)
      return 'written'
    case 'delete-secret':
      await writes.deleteSecret(planned.secret, place)
      return 'written'
    case 'update-secret':
    case 'refresh-secret':
      await writes.updateSecret(planned.secret, place)
      return 'written'
    case 'mint': {
      if (!client) throw new Error('a key is minted for a known client only')
      const material = await writes.generate(accessKey)
      if (!material) return 'not yet'
      const secret = mintedSecret({ ...observed, client }, material, planned)
      await (planned.previous ? writes.updateSecret(secret, place) : writes.createSecret(secret, place))
      return 'written'
    }
  }
}
