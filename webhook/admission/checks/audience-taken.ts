import type { GuardedService } from '../../../core/api/guarded-service.ts'
import { wasRefusedAudience } from '../../../core/registry/audience-claims.ts'
import { installationOf, isPresent } from '../../../core/registry/ids.ts'
import type { KubeClient, KubeObject } from '../../../platform/kube/client.ts'
import { guardedServices, namespaces } from '../../../platform/kube/resources.ts'

/** Whether a GuardedService of another namespace has this audience, or may be given it. */
export type AudienceTaken = (asked: { readonly audience: string; readonly namespace: string }) => Promise<boolean>

const patienceMs = 3_000
const pageLength = 500

/**
 * Asks the API server each time: what a watch has not brought yet would be admitted. The field selector leaves only the
 * services of other namespaces with that audience. One that the operator refused it holds nothing. Anybody may make many
 * of these, and long ones: they are read one by one, so that other reviews wait for one at most.
 * @throws KubeError when the API server does not say, and then nothing is admitted
 */
export function createAudienceTaken(client: Pick<KubeClient, 'get' | 'scan'>, installation: string): AudienceTaken {
  async function isOurs(namespace: string): Promise<boolean> {
    const found = await client.get<KubeObject>(namespaces, undefined, namespace)
    return found !== undefined && installationOf(found) === installation
  }
  return async ({ audience, namespace }) => {
    const signal = AbortSignal.timeout(patienceMs)
    const asked = new Set<string>()
    let next: string | undefined
    do {
      const page = await client.scan(guardedServices, namespaceOfClaim, {
        fieldSelector: `spec.audience=${audience},metadata.namespace!=${namespace}`,
        limit: pageLength,
        signal,
        ...(next !== undefined && { continue: next }),
      })
      for (const elsewhere of page.kept) {
        if (asked.has(elsewhere)) continue
        if (await isOurs(elsewhere)) return true
        asked.add(elsewhere)
        signal.throwIfAborted()
      }
      next = page.continue
    } while (next !== undefined)
    return false
  }
}

/** Whose claim a service is; undefined where it is none. */
function namespaceOfClaim(service: GuardedService & KubeObject): string | undefined {
  return isPresent(service) && !wasRefusedAudience(service) ? service.metadata.namespace : undefined
}
