import type { EnforcementReport } from '../../../core/status/judge-enforcement.ts'
import { createEnforcement } from '../../../operator/guarded-service/enforcement.ts'
import type { Replica } from '../../../operator/replicas/ask-replica.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { guardedServices, roles } from '../../../platform/kube/resources.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

type Guard = EnforcementReport['slices'][string]['guards'][number]

export const pod = (name: string) => ({
  metadata: { namespace: 'shop', name, uid: name, labels: { app: 'orders', 'latchkey.dev/guard': 'orders' } },
  spec: { initContainers: [{ name: 'latchkey-guard' }] },
})
export const role = (version = '10', name = 'reader') =>
  ({ metadata: { namespace: 'shop', name, resourceVersion: version } }) as KubeObject

/** What a replica says: the roles it has seen, and the guards that are connected to it. */
export const reportOf = (seen: string, ...guards: (Partial<Guard> & { uid: string })[]): EnforcementReport => ({
  seen: { roles: seen },
  slices: {
    'shop/orders': { hash: 'h', guards: guards.map(guard => ({ pod: guard.uid, hash: 'h', current: true, ...guard })) },
  },
})

/** The service shop/orders with one pod, and one replica of the issuer, of which a test says what it answers. */
export function createEnforcementRig() {
  const clock = createManualClock()
  const log = createQuietLog()
  const services = new Map([['shop/orders', { accepted: true }]])
  const pods = [pod('a')]
  const replicas: Replica[] = [{ host: 'one', port: 1 }]
  const answers = new Map<string, () => Promise<EnforcementReport>>()
  const asked: string[] = []
  const told: string[] = []
  const enforced: [resource: string, seconds: number][] = []
  let closed = 0
  const target = { metadata: {}, spec: { selector: { app: 'orders' } } }
  const guarded = { metadata: { namespace: 'shop', name: 'orders' }, spec: { targetRef: { name: 'orders', port: 80 } } }
  const enforcement = createEnforcement({
    sources: {
      services: { store: new Map([['shop/orders', guarded]]) },
      targets: { store: new Map([['shop/orders', target]]) },
      by: { podsOfNamespace: { get: (namespace: string) => (namespace === 'shop' ? pods : []) } },
    } as never,
    resolved: { services: () => services } as never,
    namespace: 'latchkey-system',
    replicas: () => replicas,
    client: {
      async ask({ host }) {
        asked.push(host)
        const answer = answers.get(host)
        if (!answer) throw new Error('away')
        return answer()
      },
      close: () => void closed++,
    },
    servicesResource: guardedServices,
    onEnforced: (resource, seconds) => void enforced.push([resource, seconds]),
    log: log.log,
    clock,
  })
  enforcement.onChange((resource, key) => void told.push(`${resource.plural} ${key}`))

  return {
    ...{ clock, enforcement, services, pods, replicas, answers, asked, enforced, lines: log.lines },
    says: (host: string, ...about: Parameters<typeof reportOf>) =>
      void answers.set(host, async () => reportOf(...about)),
    fails: (host: string) => void answers.delete(host),
    /** What is said of a role. */
    view: (object = role()) => enforcement.view(roles, object, ['shop/orders']).state,
    /** The same whole. */
    wholeView: (object = role()) => enforcement.view(roles, object, ['shop/orders']),
    /** Of which objects it was told since this was asked last that there is something else to say. */
    news: () => told.splice(0),
    closed: () => closed,
    async start(): Promise<void> {
      enforcement.start()
      await clock.advance(0)
    },
  }
}
export type EnforcementRig = ReturnType<typeof createEnforcementRig>
