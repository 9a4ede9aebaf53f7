import type { Algorithm } from '../../core/api/access-key.ts'
import type { KubeClient } from '../../platform/kube/client.ts'
import { secrets } from '../../platform/kube/resources.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'
import { generateKeyMaterial } from '../access-key/key-material.ts'
import { readOwner, type SecretOf, textsOf, writeSecret } from '../owned-objects.ts'

const rereadMs = 10 * 60_000
const algorithms: readonly { name: string; algorithm: Algorithm }[] = [
  { name: 'EdDSA', algorithm: 'Ed25519' },
  { name: 'ES256', algorithm: 'ES256' },
]

/**
 * Keeps the issuer's signing keys: one of each algorithm, as `<kid>.jwk`. A missing one is added; what is there is
 * never changed, for tokens were signed with it.
 */
export async function reconcileIssuerKeys(
  client: Pick<KubeClient, 'get' | 'create' | 'update'>,
  about: { namespace: string; fullname: string },
): Promise<Requeue> {
  const name = `${about.fullname}-issuer-keys`
  const secret = await client.get<SecretOf>(secrets, about.namespace, name)
  const files = textsOf(secret)
  const present = new Set(Object.values(files).map(algorithmOf))
  const missing = algorithms.filter(wanted => !present.has(wanted.name))
  if (missing.length === 0) return { requeueAfterMs: rereadMs }
  const made = await Promise.all(missing.map(wanted => jwkFile(wanted)))
  const owners = await readOwner(client, about.fullname)
  const next = { ...files, ...Object.fromEntries(made) }
  await writeSecret(client, { namespace: about.namespace, name, owners, files: next }, secret)
  return { requeueAfterMs: 0 }
}

async function jwkFile({ name, algorithm }: (typeof algorithms)[number]): Promise<[string, string]> {
  const { kid, privateJwk } = await generateKeyMaterial(algorithm)
  return [`${kid}.jwk`, JSON.stringify({ ...privateJwk, kid, alg: name, use: 'sig' })]
}

function algorithmOf(file: string): string | undefined {
  try {
    const alg = (JSON.parse(file) as { alg?: unknown }).alg
    return typeof alg === 'string' ? alg : undefined
  } catch {
    return undefined
  }
}
