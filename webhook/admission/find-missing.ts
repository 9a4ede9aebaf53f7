import { setTimeout } from 'node:timers/promises'
import { mayGet, type UserInfo } from '../../platform/kube/access-review.ts'
import type { KubeClient } from '../../platform/kube/client.ts'
import type { Reference } from './check.ts'
import type { FindMissing } from './validate-object.ts'

const mostOfOne = 16
const mostOfAll = 64
const patienceMs = 500

/**
 * Looks for what a spec names, to warn of typing errors. What its author may not get is not looked for and counts as
 * missing, so that nobody learns here what exists elsewhere, neither by the answer nor by its time. At most 16 names of one
 * spec and 64 at a time, whoever asks, and half a second: what is not known by then is no warning, and nobody waits.
 */
export function createFindMissing(client: Pick<KubeClient, 'get' | 'raw'>): FindMissing {
  let running = 0
  async function isMissing(reference: Reference, user: UserInfo | undefined): Promise<boolean> {
    if (running >= mostOfAll) return false
    running++
    try {
      if (!user || !(await mayGet(client, user, reference))) return true
      const { resource, namespace, name } = reference
      return (await client.get(resource, namespace, name)) === undefined
    } catch {
      // Not knowing is not a warning.
      return false
    } finally {
      running--
    }
  }
  return async (references, user) => {
    if (references.length === 0) return []
    const asked = references.slice(0, mostOfOne)
    const missing = new Set<Reference>()
    const looking = asked.map(async reference => {
      if (await isMissing(reference, user)) missing.add(reference)
    })
    await Promise.race([Promise.all(looking), setTimeout(patienceMs, undefined, { ref: false })])
    return asked.filter(reference => missing.has(reference))
  }
}
