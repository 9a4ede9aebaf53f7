import { expect } from 'vitest'
import type { AccessKeyStatus } from '../../../../core/api/access-key.ts'
import { type SecretObject, secretFile } from '../../../../core/keys/secret-data.ts'
import type { KubeClient, KubeObject, Resource } from '../../../../platform/kube/client.ts'
import { accessKeys, secrets } from '../../../../platform/kube/resources.ts'

type Version = KubeObject & SecretObject & { status?: AccessKeyStatus }

/** Every version that AccessKeys and Secrets of a namespace ever had, in the order in which they were written. */
export interface History {
  readonly versions: readonly { readonly kind: 'AccessKey' | 'Secret'; readonly object: Version }[]
  /** `kid`s that stood in Secrets, in the order in which they came there. */
  minted(): string[]
  stop(): void
}

export async function startHistory(client: KubeClient, namespace: string): Promise<History> {
  const stopping = new AbortController()
  const versions: { kind: 'AccessKey' | 'Secret'; object: Version }[] = []
  let broken: Error | undefined
  const follow = async (resource: Resource, kind: 'AccessKey' | 'Secret'): Promise<void> => {
    const { items, resourceVersion } = await client.list<Version>(resource, { namespace })
    for (const object of items) versions.push({ kind, object })
    void watch(resource, kind, resourceVersion)
  }
  async function watch(resource: Resource, kind: 'AccessKey' | 'Secret', resourceVersion: string): Promise<void> {
    const { signal } = stopping
    try {
      for await (const event of client.watch(resource, { namespace, resourceVersion, timeoutSeconds: 600, signal })) {
        if (event.type === 'ADDED' || event.type === 'MODIFIED')
          versions.push({ kind, object: event.object as Version })
      }
    } catch (error) {
      if (!signal.aborted) broken = new Error('the history has a gap', { cause: error })
    }
  }
  await follow(accessKeys, 'AccessKey')
  await follow(secrets, 'Secret')
  const ordered = () => {
    if (broken) throw broken
    return versions.toSorted(
      (a, b) => Number(a.object.metadata.resourceVersion) - Number(b.object.metadata.resourceVersion),
    )
  }
  return {
    get versions() {
      return ordered()
    },
    minted: () => [
      ...new Set(
        ordered().flatMap(({ kind, object }) => (kind === 'Secret' ? (secretFile(object, 'key-id') ?? []) : [])),
      ),
    ],
    stop: () => stopping.abort(),
  }
}

/**
 * What holds at every moment: a key that was revoked is never in use again, no two keys are in use at once, and a key
 * that takes the place of one in use was published before. `skipsWaiting`: what was in use is revoked, so the next does not wait.
 */
export function expectInvariants(history: History, { skipsWaiting }: { skipsWaiting: boolean }): void {
  const revoked = new Set<string>()
  const published = new Set<string>()
  let mounted: string | undefined
  for (const { kind, object } of history.versions) {
    if (kind === 'Secret') {
      // What is staged for later lies in a Secret of its own.
      if (object.metadata.name.endsWith('-next')) continue
      const kid = secretFile(object, 'key-id')
      if (mounted !== undefined && kid !== undefined && kid !== mounted && !skipsWaiting) {
        expect(published, 'a key was handed out before it was published').toContain(kid)
      }
      mounted = kid ?? mounted
      continue
    }
    const keys = object.status?.keys ?? []
    expect(keys.filter(({ state }) => state === 'Active').length, 'two keys are in use').toBeLessThanOrEqual(1)
    for (const { kid, state } of keys) {
      published.add(kid)
      if (state === 'Revoked') revoked.add(kid)
      else expect(revoked, 'a revoked key came back').not.toContain(kid)
    }
  }
}
