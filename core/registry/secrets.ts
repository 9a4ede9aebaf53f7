import type { AccessKey } from '../api/access-key.ts'
import { secretKinds } from '../base/credential-kinds.ts'
import type { KeyBounds, SecretRow } from '../rows/rows.ts'
import { isHash, keyIdOf } from '../secret/secret.ts'
import { referenceKey } from './ids.ts'
import { boundsOf } from './keys.ts'

/** A secret of a client, before it is narrowed to the roles of one namespace, with the services that get its hash. */
export interface ClientSecret {
  readonly secret: Omit<SecretRow, 'roles'>
  /** `namespace/name`. */
  readonly services: ReadonlySet<string>
  readonly roles?: readonly { readonly namespace: string; readonly name: string }[]
}

/**
 * The secrets of status.keys that the spec vouches for. A guard is sent those that name its service, revoked and ended ones
 * too, so that whoever still uses one is told so. A ClientSecret is sent to no guard.
 */
export function vouchedSecrets(accessKey: AccessKey): ClientSecret[] {
  const { type, services = [], roles } = accessKey.spec
  const kind = secretKinds.find(one => one === type)
  if (!kind) return []
  const named = new Set(services.map(referenceKey))
  return vouchedHashes(accessKey).map(hashed => ({
    secret: { ...hashed, kind },
    services: named,
    ...(roles && { roles }),
  }))
}

/** What the issuer keeps of a secret for its token endpoints. */
export interface EndpointSecret {
  readonly key: KeyBounds & { readonly hash: string }
  readonly roles?: readonly { readonly namespace: string; readonly name: string }[]
}

/** The secrets of an AccessKey of type ClientSecret, vouched for in the same way: they count at token endpoints and nowhere else. */
export function endpointSecrets(accessKey: AccessKey): EndpointSecret[] {
  const { type, roles } = accessKey.spec
  if (type !== 'ClientSecret') return []
  return vouchedHashes(accessKey).map(key => ({ key, ...(roles && { roles }) }))
}

/** Status alone gives no access: the key id must be the one of the hash, and spec bounds what it says. */
function vouchedHashes(accessKey: AccessKey): (KeyBounds & { readonly hash: string })[] {
  const found = new Map<string, KeyBounds & { readonly hash: string }>()
  for (const published of accessKey.status?.keys ?? []) {
    const { secretHash: hash, kid } = published
    if (hash === undefined || !isHash(hash) || keyIdOf(hash) !== kid || found.has(kid)) continue
    const bounds = boundsOf(accessKey, published)
    if (bounds) found.set(kid, { ...bounds, hash })
  }
  return [...found.values()]
}

/** A ClientSecret without its hash: guards are told when tokens that it got end. */
export interface BoundedSecret {
  readonly bounds: Omit<KeyBounds, 'roles'>
  readonly roles?: ClientSecret['roles']
}

export function boundedClientSecrets(accessKey: AccessKey): BoundedSecret[] {
  return endpointSecrets(accessKey).map(({ key: { hash: _, ...bounds }, roles }) => ({
    bounds,
    ...(roles && { roles }),
  }))
}
