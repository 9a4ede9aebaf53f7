import { setTimeout } from 'node:timers/promises'
import type { ServiceObject } from '../../../core/registry/kubernetes.ts'
import { portOf } from '../../../core/registry/service-port.ts'
import { isAllowed, type UserInfo } from '../../../platform/kube/access-review.ts'
import type { KubeClient } from '../../../platform/kube/client.ts'
import { type Missing, mostReferences, type Reference } from './check.ts'
import type { FindMissing } from './validate-object.ts'

const mostOfAll = 64
const patienceMs = 500

/**
 * Looks for what a spec names, to warn of typing errors. What its author may not get is not looked for and counts as
 * missing, so that nobody learns here what exists elsewhere, neither by the answer nor by its time. At most 16 names of one
 * spec and 64 at a time, whoever asks, and half a second: what is not known by then is no warning, and nobody waits.
 * Who takes all the places takes no more from others than warnings.
 */
export function createFindMissing(client: Pick<KubeClient, 'get' | 'raw'>): FindMissing {
  let running = 0
  async function missingOf(reference: Reference, user: UserInfo | undefined): Promise<Missing | undefined> {
    if (running >= mostOfAll) return undefined
    running++
    try {
      if (!user || !(await isAllowed(client, user, 'get', reference))) return { reference, what: 'object' }
      const { resource, namespace, name, port } = reference
      const found = await client.get(resource, namespace, name)
      if (found === undefined) return { reference, what: 'object' }
      if (port === undefined || portOf(found as ServiceObject, port) !== undefined) return undefined
      return { reference, what: 'port', ports: portsOf(found as ServiceObject) }
    } catch {
      // Not knowing is not a warning.
      return undefined
    } finally {
      running--
    }
  }
  return async (references, user) => {
    if (references.length === 0) return []
    const asked = references.slice(0, mostReferences)
    const missing = new Map<Reference, Missing>()
    const looking = asked.map(async reference => {
      const found = await missingOf(reference, user)
      if (found) missing.set(reference, found)
    })
    await Promise.race([Promise.all(looking), setTimeout(patienceMs, undefined, { ref: false })])
    return asked.flatMap(reference => missing.get(reference) ?? [])
  }
}

const mostPorts = 8

/** Told to who may get the Service alone, like everything of it. */
function portsOf({ spec }: ServiceObject): string[] {
  const ports = (spec?.ports ?? []).map(({ name, port }) => (name ? `${port} (${name})` : `${port}`))
  return ports.length > mostPorts ? [...ports.slice(0, mostPorts), `${ports.length - mostPorts} more`] : ports
}
