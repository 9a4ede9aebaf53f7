import type { ResolvedClient } from '../registry/resolve-clients.ts'
import type { ObservedAccessKey, SecretWrite } from './key-plan.ts'
import { rotatesByDefault } from './rotation-default.ts'
import { desiredSecret, type KeyMaterial, type SecretObject, type SecretSlot, secretFiles } from './secret-data.ts'

/** An AccessKey whose client is known: only for such a one a Secret can be written. */
type Accepted = ObservedAccessKey & { readonly client: ResolvedClient }

/** The Secret of a newly minted key: to be created, or put in the place of `previous` under its resourceVersion. */
export function mintedSecret(
  observed: Accepted,
  material: KeyMaterial,
  { slot, number, previous }: Extract<SecretWrite, { kind: 'mint' }>,
): SecretObject {
  const content = { slot, files: filesOf(observed, material), keyNumber: number, ...markOf(observed) }
  return desiredSecret(observed.accessKey, content, previous)
}

/** A Secret with this key, and beside it what belongs there now: the key that it holds, or that of another slot. */
export function secretWith(
  observed: Accepted,
  { key, number }: { readonly key: KeyMaterial; readonly number: number },
  at: { readonly slot: SecretSlot; readonly previous?: SecretObject | undefined },
): SecretObject {
  const files = { ...at.previous?.data, ...filesOf(observed, key) }
  return desiredSecret(
    observed.accessKey,
    { slot: at.slot, files, keyNumber: number, ...markOf(observed) },
    at.previous,
  )
}

function markOf(observed: ObservedAccessKey): { rotationDefault?: 'ByClientType' } {
  return rotatesByDefault(observed) ? { rotationDefault: 'ByClientType' } : {}
}

function filesOf({ accessKey, client, issuer, ca }: Accepted, material: KeyMaterial): Record<string, string> {
  const surroundings = { clientId: client.clientId, clientIssuer: client.issuer, issuer, ca }
  return secretFiles(material, accessKey.spec, surroundings)
}
