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
  const found = new Map<string, ClientSecret>()
  for (const published of accessKey.status?.keys ?? []) {
    const { secretHash: hash, kid } = published
    if (hash === undefined || !isHash(hash) || keyIdOf(hash) !== kid || found.has(kid)) continue
    const bounds = boundsOf(accessKey, published)
    if (bounds) found.set(kid, { secret: { ...bounds, kind, hash }, services: named, ...(roles && { roles }) })
  }
  return [...found.values()]
}

/** A ClientSecret without its hash: guards are told when tokens that it got end. */
export interface BoundedSecret {
  readonly bounds: Omit<KeyBounds, 'roles'>
  readonly roles?: ClientSecret['roles']
}

export function boundedClientSecrets(accessKey: AccessKey): BoundedSecret[] {
  const { type, roles } = accessKey.spec
  if (type !== 'ClientSecret') return []
  return (accessKey.status?.keys ?? []).flatMap(published => {
    const { secretHash: hash, kid } = published
    const bounds =
      hash !== undefined && isHash(hash) && keyIdOf(hash) === kid ? boundsOf(accessKey, published) : undefined
    return bounds ? [{ bounds, ...(roles && { roles }) }] : []
  })
}
