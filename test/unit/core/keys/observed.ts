import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import { timeOf } from '../../../../core/base/time.ts'
import type { ProvedKey } from '../../../../core/keys/judge-secret.ts'
import type { AccessKeyPlan, ObservedAccessKey } from '../../../../core/keys/key-plan.ts'
import { mintedSecret } from '../../../../core/keys/minted-secret.ts'
import { planAccessKey } from '../../../../core/keys/plan-access-key.ts'
import type { SecretObject } from '../../../../core/keys/secret-data.ts'
import { ca, clientOf, issuer, publishAheadSeconds, start } from './access-key-store.ts'

/** So many seconds after the start. */
export const at = (seconds: number): string => timeOf(start + seconds)
export const publicKey = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const
/** The key in a Secret. */
export const held: ProvedKey = {
  kid: 'held',
  clientId: clientOf().clientId,
  publicKey,
  privateJwk: {},
  privatePem: 'PEM',
}
/** The same as it is published, made at the start. */
export const keyOf = (state: PublishedKey['state'], changes: Partial<PublishedKey> = {}): PublishedKey => ({
  kid: 'held',
  state,
  publicKey,
  notBefore: at(0),
  ...changes,
})

export const observedOf = (accessKey: AccessKey, changes: Partial<ObservedAccessKey> = {}): ObservedAccessKey => ({
  accessKey,
  client: clientOf(),
  secrets: {},
  missingRoles: [],
  issuer,
  ca,
  enforced: { state: 'no-guards' },
  publishAheadSeconds,
  stalenessSeconds: 86_400,
  ...changes,
})
/** Its Secret as it was minted, with what somebody did to it since. */
export function secretOf(accessKey: AccessKey, number = start, changes: Partial<SecretObject> = {}): SecretObject {
  const client = clientOf()
  const made = mintedSecret({ ...observedOf(accessKey), client }, held, { kind: 'mint', slot: 'mounted', number })
  return { ...made, metadata: { ...made.metadata, uid: 'u', resourceVersion: '7' }, ...changes }
}
export const found = (object: SecretObject, key: ProvedKey | 'none' = held) => ({
  secrets: { mounted: { object, ...(key !== 'none' && { key }) } },
})
/** The AccessKey as it stands when nothing is left to do. */
export function settled(accessKey: AccessKey, changes: Partial<ObservedAccessKey>): AccessKey {
  const plan = planAccessKey(observedOf(accessKey, changes), start)
  if (plan.write?.kind !== 'status') throw new Error('this test expects a status')
  return { ...accessKey, status: plan.write.status }
}
/** What a status that is written says of Ready. */
export const readyOf = ({ write }: AccessKeyPlan) =>
  write?.kind === 'status' ? write.status.conditions?.find(({ type }) => type === 'Ready')?.reason : write?.kind
/** What a plan publishes, or else writes. */
export const states = ({ write }: AccessKeyPlan) =>
  write?.kind === 'status' ? (write.status.keys ?? []).map(({ kid, state }) => `${kid} ${state}`) : write?.kind
