import type { AccessKeySpec } from '../../../core/api/access-key.ts'
import { durationSeconds, secondsOf } from '../../../core/base/time.ts'
import { checkPublicKey } from '../../../core/jose/jwk.ts'
import { longestName, longestSecretName } from '../../../core/keys/secret-data.ts'
import { timeZoneFault } from '../../../core/keys/time-zones.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { type Check, expiresInThePast, type KindChecks, unreadTime } from './check.ts'

const longestValiditySeconds = 100 * 366 * 86_400

const publicKeyIsUsable: Check<AccessKeySpec> = ({ publicKey, algorithm = 'Ed25519' }) => {
  const fault = publicKey && checkPublicKey(publicKey, algorithm)
  return fault === undefined ? undefined : { field: 'spec.publicKey', message: fault }
}

const validityIsSane: Check<AccessKeySpec> = ({ validity }) => {
  if (validity === undefined) return undefined
  const seconds = durationSeconds(validity)
  if (seconds !== undefined && seconds >= 3_600 && seconds <= longestValiditySeconds) return undefined
  return { field: 'spec.validity', message: 'must be between 1h and 878400h (100 years), for example 2160h' }
}

const timesAreRead: Check<AccessKeySpec> = ({ expiresAt, keysNotBefore, rotation }) =>
  unreadTime('spec.expiresAt', expiresAt) ??
  unreadTime('spec.keysNotBefore', keysNotBefore) ??
  unreadTime('spec.rotation.requestedAt', rotation?.requestedAt)

const nextSecretHasAName: Check<AccessKeySpec> = ({ secretName, publicKey }, { name }) => {
  if (publicKey || (secretName ?? name).length <= longestSecretName) return undefined
  const message = `the Secret of the next key has this name with -next behind it, and Kubernetes takes ${longestName} characters; use at most ${longestSecretName}`
  return secretName === undefined ? { field: 'metadata.name', message } : { field: 'spec.secretName', message }
}

const timeZonesExist: Check<AccessKeySpec> = ({ rotation }) => {
  for (const [index, { timeZone }] of (rotation?.windows ?? []).entries()) {
    const message = timeZone === undefined ? undefined : timeZoneFault(timeZone)
    if (message !== undefined) return { field: `spec.rotation.windows[${index}].timeZone`, message }
  }
  return undefined
}

const keysNotBeforeLiesAhead: Check<AccessKeySpec> = ({ keysNotBefore }, { now }) => {
  const seconds = secondsOf(keysNotBefore)
  if (seconds === undefined || seconds <= now) return undefined
  return { field: 'spec.keysNotBefore', message: 'is in the future; every key minted before then is refused' }
}

export const accessKeyChecks: KindChecks<AccessKeySpec> = {
  refusals: [publicKeyIsUsable, validityIsSane, timesAreRead, timeZonesExist, nextSecretHasAName],
  warnings: [expiresInThePast, keysNotBeforeLiesAhead],
  references: ({ clientRef, roles }, { namespace }) => [
    { field: 'spec.clientRef.name', resource: resources.apiClients, namespace, name: clientRef.name },
    ...(roles ?? []).map((role, index) => ({ field: `spec.roles[${index}]`, resource: resources.roles, ...role })),
  ],
}
