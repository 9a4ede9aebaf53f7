import { isSecretType } from '../api/secret-types.ts'
import type { ObservedAccessKey } from './key-plan.ts'
import { secretAnnotations } from './secret-data.ts'

/**
 * Whether a key rotates though its spec does not say so. The first key's minting decides, and marks it in the Secret and
 * in the status: each can be lost, and the other one tells. Keys that 0.1.0 minted have no mark and get none. Of secrets none rotates by
 * itself: whoever sends one may have written it down elsewhere.
 */
export function rotatesByDefault({ accessKey, secrets }: ObservedAccessKey): boolean {
  const { status, spec } = accessKey
  if (spec.publicKey || isSecretType(spec.type)) return false
  if (status?.rotationDefault === 'ByClientType') return true
  const found = [secrets.mounted, secrets.staged].map(secret => (typeof secret === 'object' ? secret.object : secret))
  const marked = found.some(
    secret =>
      typeof secret === 'object' && secret.metadata.annotations?.[secretAnnotations.rotationDefault] === 'ByClientType',
  )
  if (marked) return true
  const neverMinted = status?.keyId === undefined && (status?.keys ?? []).length === 0
  return neverMinted && found.every(secret => secret === undefined)
}
