import { expect, test } from 'vitest'
import type { GuardedService } from '../../../core/api/guarded-service.ts'
import type { ResolvedService } from '../../../core/registry/resolve-services.ts'
import { isolate } from '../../../operator/guarded-service/isolate.ts'
import type { NetworkPolicyOf } from '../../../operator/sources.ts'
import { type KubeClient, KubeError } from '../../../platform/kube/client.ts'

const object: GuardedService = {
  metadata: { name: 'orders', namespace: 'shop', uid: 'u1' },
  spec: { targetRef: { name: 'orders', port: 80 }, networkPolicy: 'Generate' },
}
const target = {
  port: 80,
  service: {
    metadata: { name: 'orders' },
    spec: { selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 'guard' }] },
  },
}
const resolved = { key: 'shop/orders', service: object, accepted: true, target } as unknown as ResolvedService

/** Nothing is known of the cluster but these policies; the API server does what is told. */
function pass(apply: () => Promise<never>, policies: readonly NetworkPolicyOf[] = []) {
  const asked: { policy: NetworkPolicyOf; force: boolean | undefined }[] = []
  const client = {
    async apply(_resource: unknown, policy: NetworkPolicyOf, options: { force?: boolean }) {
      asked.push({ policy, force: options.force })
      return apply()
    },
    delete: async () => true,
  } as unknown as KubeClient
  const named = new Map(policies.map(policy => [`shop/${policy.metadata.name}`, policy]))
  const sources = {
    services: { store: new Map() },
    targets: { store: new Map() },
    networkPolicies: { store: named },
    by: {},
  } as unknown as Parameters<typeof isolate>[2]['sources']
  return { asked, done: isolate('shop/orders', { object, resolved, accepted: true }, { sources, client }) }
}
const refused = (status: number) => () => Promise.reject(new KubeError('networkpolicies PATCH', status))

test('without the right the service says so, and nothing else of it is delayed', async () => {
  expect(await pass(refused(403)).done).toMatchObject({ status: 'False', reason: 'NetworkPolicyForbidden' })
})

test('a policy that somebody else made meanwhile is not taken over: no force, and the refusal is tried again later', async () => {
  const { asked, done } = pass(refused(409))
  await expect(done).rejects.toMatchObject({ status: 409 })
  expect(asked[0]?.force).toBe(false)
  expect(asked[0]?.policy.metadata.resourceVersion).toBeUndefined()
})

test('one of ours is put right by force, only as it was seen', async () => {
  const metadata = { name: 'latchkey-orders', namespace: 'shop', uid: 'p1', resourceVersion: '7' }
  const owner = { apiVersion: 'latchkey.dev/v1alpha1', kind: 'GuardedService', name: 'orders', uid: 'u1' }
  const { asked, done } = pass(refused(409), [{ metadata: { ...metadata, ownerReferences: [owner] }, spec: {} }])
  await expect(done).rejects.toMatchObject({ status: 409 })
  expect(asked[0]).toMatchObject({ force: true, policy: { metadata: { uid: 'p1', resourceVersion: '7' } } })
})
