import { setTimeout } from 'node:timers/promises'
import type { KubeClient } from '../../platform/kube/client.ts'
import type { Reference } from './check.ts'
import type { FindMissing } from './validate-object.ts'

const most = 16
const patienceMs = 500

/**
 * Looks for what a spec names, to warn of typing errors. At most 16 gets and half a second: an answer that does not
 * come in time is no warning, and nobody waits for it.
 */
export function createFindMissing(client: Pick<KubeClient, 'get'>): FindMissing {
  return async references => {
    const missing = new Set<Reference>()
    const asked = references.slice(0, most)
    const looking = asked.map(async reference => {
      const { resource, namespace, name } = reference
      try {
        if ((await client.get(resource, namespace, name)) === undefined) missing.add(reference)
      } catch {
        // Not knowing is not a warning.
      }
    })
    await Promise.race([Promise.all(looking), setTimeout(patienceMs, undefined, { ref: false })])
    return asked.filter(reference => missing.has(reference))
  }
}
