import type { GuardedService } from '../../../core/api/guarded-service.ts'
import { wasRefusedAudience } from '../../../core/registry/audience-claims.ts'
import { installationOf, isPresent } from '../../../core/registry/ids.ts'
import type { KubeClient, KubeObject } from '../../../platform/kube/client.ts'
import { guardedServices, namespaces } from '../../../platform/kube/resources.ts'

/** Whether a GuardedService of another namespace has this audience, or may be given it. */
export type AudienceTaken = (asked: { readonly audience: string; readonly namespace: string }) => Promise<boolean>

const patienceMs = 3_000
const pageLength = 100

/**
 * Asks the API server each time: what a watch has not brought yet would be admitted. The field selector leaves only the
 * services with that audience. One that the operator refused it holds nothing.
 * @throws KubeError when the API server does not say, and then nothing is admitted
 */
export function createAudienceTaken(client: Pick<KubeClient, 'get' | 'list'>, installation: string): AudienceTaken {
  async function isOurs(namespace: string | undefined): Promise<boolean> {
    const found = await client.get<KubeObject>(namespaces, undefined, namespace ?? '')
    return found !== undefined && installationOf(found) === installation
  }
  return async ({ audience, namespace }) => {
    const signal = AbortSignal.timeout(patienceMs)
    const asked = new Set<string | undefined>()
    let next: string | undefined
    do {
      const page = await client.list<GuardedService & KubeObject>(guardedServices, {
        fieldSelector: `spec.audience=${audience}`,
        limit: pageLength,
        signal,
        ...(next !== undefined && { continue: next }),
      })
      for (const service of page.items) {
        const elsewhere = service.metadata.namespace
        if (elsewhere === namespace || asked.has(elsewhere)) continue
        if (!isPresent(service) || wasRefusedAudience(service)) continue
        if (await isOurs(elsewhere)) return true
        asked.add(elsewhere)
      }
      next = page.continue
    } while (next !== undefined)
    return false
  }
}
