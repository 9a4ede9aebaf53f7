import { setTimeout } from 'node:timers/promises'
import type { GuardedService } from '../../../core/api/guarded-service.ts'
import type { ServiceObject } from '../../../core/registry/kubernetes.ts'
import { leadsToGuard, portOf } from '../../../core/registry/service-port.ts'
import type { KubeClient } from '../../../platform/kube/client.ts'
import { guardedServices, services } from '../../../platform/kube/resources.ts'
import type { Lead } from '../../injection/lead.ts'
import { createPlaces } from './places.ts'

const patienceMs = 500
const mostAtOnce = 32

/** Where calls to the service of a labelled pod go now. Never throws: what cannot be seen in time is `Unknown`. */
export type LookAtService = (namespace: string, name: string) => Promise<Lead>

/**
 * Two gets for a pod, 32 pods at a time, half a second: no pod waits long for it. One namespace has half of the places at
 * most: where others' pods are `Unknown`, an app that is not behind its guard yet would be sent to loopback.
 */
export function createLookAtService(client: Pick<KubeClient, 'get'>): LookAtService {
  const places = createPlaces(mostAtOnce)

  async function look(namespace: string, name: string): Promise<Lead> {
    const guarded = (await client.get(guardedServices, namespace, name)) as GuardedService | undefined
    if (!guarded) return 'NoGuardedService'
    const { name: target, port: wanted } = guarded.spec.targetRef
    const port = portOf((await client.get(services, namespace, target)) as ServiceObject | undefined, wanted)
    // Nobody knows where a Service to come will lead: it may be one that leads to the app.
    if (!port) return 'NoService'
    return leadsToGuard(port) ? 'ToGuard' : 'PastGuard'
  }

  return async (namespace, name) => {
    const leave = places.take(namespace)
    if (!leave) return 'Unknown'
    const looking = look(namespace, name)
      .catch((): Lead => 'Unknown')
      .finally(leave)
    return await Promise.race([looking, setTimeout(patienceMs, 'Unknown' as const, { ref: false })])
  }
}
