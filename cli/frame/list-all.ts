import type { KubeClient, KubeObject, Resource } from '../../platform/kube/client.ts'
import type { Cluster } from './cluster.ts'

/** Objects in one answer of the API server. */
const pageLength = 500

/**
 * All objects of the namespace, or of all, page by page: each is seen once and need not be kept.
 * @throws CommandError `unreachable` or `refused`
 */
export async function* listAll<T extends KubeObject>(
  { namespace, ask }: Cluster,
  resource: Resource,
  options: Pick<NonNullable<Parameters<KubeClient['list']>[1]>, 'labelSelector'> = {},
): AsyncGenerator<T> {
  const where = { ...options, limit: pageLength, ...(namespace !== undefined && { namespace }) }
  let next: string | undefined
  do {
    const from = next
    const page = await ask(client =>
      client.list<T>(resource, { ...where, ...(from !== undefined && { continue: from }) }),
    )
    yield* page.items
    next = page.continue === '' ? undefined : page.continue
  } while (next !== undefined)
}
