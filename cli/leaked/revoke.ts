import type { AccessKey, PublishedKey } from '../../core/api/access-key.ts'
import { secondsOf, timeOf } from '../../core/base/time.ts'
import { KubeError, type KubeObject } from '../../platform/kube/client.ts'
import { accessKeys } from '../../platform/kube/resources.ts'
import type { Cluster } from '../frame/cluster.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { listAll } from '../frame/list-all.ts'

export type StoredKey = AccessKey & KubeObject

/** What became of one AccessKey. */
export interface Revoked {
  readonly namespace: string
  readonly name: string
  readonly client: string
  readonly keysNotBefore?: string
  /** The key was revoked before. */
  readonly alreadyRevoked?: true
  /** From the API server's acknowledgement to the moment when every guard concerned refused the key. */
  readonly refusedAfterSeconds?: number
  /** `kid` of the key that took its place; a key of one's own has none until its owner brings one. */
  readonly newKey?: string
  readonly newKeyAfterSeconds?: number
  readonly secret?: string
  /** What was still waited for when the time was over. */
  readonly missing?: string
}

const pollMs = 250
/** Somebody else may write the object at the same time. */
const tries = 5

/** Every AccessKey that publishes the key. @throws CommandError */
export async function findByKid(cluster: Cluster, kid: string): Promise<StoredKey[]> {
  const found: StoredKey[] = []
  for await (const key of listAll<StoredKey>(cluster, accessKeys)) if (entryOf(key, kid)) found.push(key)
  return found
}

export function entryOf({ status }: StoredKey, kid: string): PublishedKey | undefined {
  return status?.keys?.find(key => key.kid === kid)
}

/**
 * The earliest keysNotBefore that revokes every key that is published: made of the cluster's own times, so that the clock of
 * whoever asks does not matter.
 */
export function revokingTime({ spec, status }: StoredKey): string {
  const born = (status?.keys ?? []).map(({ notBefore }) => (secondsOf(notBefore) ?? 0) + 1)
  return timeOf(Math.max(secondsOf(spec.keysNotBefore) ?? 0, ...born))
}

/** Sets keysNotBefore, on top of what there is. @returns the AccessKey as it was acknowledged @throws CommandError */
export async function revoke(cluster: Cluster, found: StoredKey, kid: string): Promise<StoredKey> {
  let current = found
  for (let left = tries; ; left--) {
    const { namespace, name, resourceVersion } = current.metadata
    const body = { metadata: { resourceVersion }, spec: { keysNotBefore: revokingTime(current) } }
    const written = await cluster.ask(async client => {
      try {
        return await client.patch<StoredKey>(accessKeys, namespace, name, body, { fieldManager: 'latchkey-cli' })
      } catch (error) {
        if (left > 1 && error instanceof KubeError && error.status === 409) return undefined
        throw error
      }
    })
    if (written) return written
    current = (await read(cluster, current)) ?? current
    if (!entryOf(current, kid)) return current
  }
}

/** Waits until every guard refuses the key and another one is there, or until the time is over. */
export async function awaitRevoked(
  cluster: Cluster,
  written: StoredKey,
  about: { readonly kid: string; readonly timeoutSeconds: number },
): Promise<Revoked> {
  const { namespace = '', name } = written.metadata
  const startedMs = performance.now()
  const elapsed = (): number => Math.round(performance.now() - startedMs) / 1_000
  let refusedAfterSeconds: number | undefined
  for (;;) {
    const current = await read(cluster, written)
    if (!current) throw new CommandError('refused', `AccessKey ${namespace}/${name} has gone meanwhile`)
    if (refusedAfterSeconds === undefined && isRefused(current, written, about.kid)) refusedAfterSeconds = elapsed()
    const missing = missingOf(current, about.kid, refusedAfterSeconds)
    if (missing === undefined || elapsed() >= about.timeoutSeconds) {
      const outcome = outcomeOf(current, about.kid, refusedAfterSeconds, elapsed())
      return { ...outcome, ...(missing !== undefined && { missing }) }
    }
    await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}

const read = (cluster: Cluster, { metadata: { namespace, name } }: StoredKey): Promise<StoredKey | undefined> =>
  cluster.ask(client => client.get<StoredKey>(accessKeys, namespace, name))

/** Whether every guard holds what was written, and it says that the key is revoked. */
function isRefused(current: StoredKey, { metadata: { generation = 0 } }: StoredKey, kid: string): boolean {
  const enforced = current.status?.conditions?.find(({ type }) => type === 'Enforced')
  const state = entryOf(current, kid)?.state ?? 'Revoked'
  return state === 'Revoked' && enforced?.status === 'True' && (enforced.observedGeneration ?? 0) >= generation
}

function newKeyOf({ spec, status }: StoredKey, kid: string): PublishedKey | undefined {
  const current = status?.keys?.find(key => key.kid === status.keyId)
  return !spec.publicKey && current?.state === 'Active' && current.kid !== kid ? current : undefined
}

function missingOf(current: StoredKey, kid: string, refusedAfterSeconds: number | undefined): string | undefined {
  const { spec, status } = current
  if (refusedAfterSeconds === undefined) {
    const enforced = status?.conditions?.find(({ type }) => type === 'Enforced')
    return `not every guard refuses the key yet: ${enforced?.message ?? 'the operator has not looked at it'}`
  }
  // No new one comes for a key of one's own, nor where all keys are over.
  if (spec.publicKey || spec.revoked || status?.state === 'Expired' || newKeyOf(current, kid)) return undefined
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  return `there is no new key yet: ${ready?.message ?? 'the operator has not looked at it'}`
}

function outcomeOf(
  current: StoredKey,
  kid: string,
  refusedAfterSeconds: number | undefined,
  newKeyAfterSeconds: number,
): Revoked {
  const { metadata, spec, status } = current
  const newKey = newKeyOf(current, kid)?.kid
  return {
    ...{ namespace: metadata.namespace ?? '', name: metadata.name, client: spec.clientRef.name },
    ...(spec.keysNotBefore !== undefined && { keysNotBefore: spec.keysNotBefore }),
    ...(refusedAfterSeconds !== undefined && { refusedAfterSeconds }),
    ...(newKey !== undefined && { newKey, newKeyAfterSeconds }),
    ...(newKey !== undefined && status?.secretName !== undefined && { secret: status.secretName }),
  }
}
