import type { AccessKey } from '../../core/api/access-key.ts'
import type { ObservedSecret } from '../../core/keys/judge-secret.ts'
import type { FoundSecret, ObservedAccessKey } from '../../core/keys/key-plan.ts'
import type { SecretObject, SecretSlot } from '../../core/keys/secret-data.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { EnforcedView } from '../../core/status/report.ts'
import { KubeError } from '../../platform/kube/client.ts'

/** What a pass over an AccessKey looks at. Objects are read live. */
export interface AccessKeyReads {
  /** Undefined when it is gone, is going, or is not of this installation. */
  getAccessKey(key: string): Promise<AccessKey | undefined>
  getSecret(accessKey: AccessKey, slot: SecretSlot): Promise<SecretObject | undefined>
  client(accessKey: AccessKey): ResolvedClient | undefined
  prove(secret: SecretObject, accessKey: AccessKey): ObservedSecret
  schemaFault(accessKey: AccessKey): string | undefined
  /** Whether its client has as many AccessKeys before it as may count. */
  isBeyondShare(accessKey: AccessKey): boolean
  /** `namespace/name` of roles that the spec names and that do not exist. */
  missingRoles(accessKey: AccessKey): readonly string[]
  enforced(accessKey: AccessKey): EnforcedView
  /** Seconds: of the services that the key's client may reach, the longest maxStaleness. */
  staleness(accessKey: AccessKey): number
  readonly issuer: string
  readonly publishAheadSeconds: number
  authorities(): string | undefined
}

/** @param ca PEM bundle @returns undefined when there is no AccessKey to look after */
export async function observeAccessKey(
  key: string,
  ca: string,
  reads: AccessKeyReads,
): Promise<ObservedAccessKey | undefined> {
  const accessKey = await reads.getAccessKey(key)
  if (!accessKey) return undefined
  return {
    accessKey,
    client: reads.client(accessKey),
    secrets: await observeSecrets(accessKey, reads),
    schemaFault: reads.schemaFault(accessKey),
    isBeyondShare: reads.isBeyondShare(accessKey),
    missingRoles: reads.missingRoles(accessKey),
    issuer: reads.issuer,
    ca,
    enforced: reads.enforced(accessKey),
    publishAheadSeconds: reads.publishAheadSeconds,
    stalenessSeconds: reads.staleness(accessKey),
  }
}

async function observeSecrets(accessKey: AccessKey, reads: AccessKeyReads): Promise<ObservedAccessKey['secrets']> {
  if (accessKey.spec.publicKey) return {}
  const mounted = observeSecret(accessKey, 'mounted', reads)
  // Of a key that nobody has looked at yet the mounted one may make the other one needless.
  if (accessKey.status?.state === undefined) await mounted
  const [first, next] = await Promise.all([mounted, observeSecret(accessKey, 'staged', reads)])
  return { mounted: first, staged: next }
}

async function observeSecret(accessKey: AccessKey, slot: SecretSlot, reads: AccessKeyReads): Promise<FoundSecret> {
  try {
    const secret = await reads.getSecret(accessKey, slot)
    return secret && reads.prove(secret, accessKey)
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return 'forbidden'
    throw error
  }
}
