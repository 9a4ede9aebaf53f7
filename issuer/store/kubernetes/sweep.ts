import { type KubeClient, KubeError } from '../../../platform/kube/client.ts'
import { tokenRecords } from '../../../platform/kube/resources.ts'
import { graceSeconds } from '../store.ts'
import type { Tally } from './tally.ts'
import type { TokenRecord } from './token-records.ts'

type Ended = { readonly name: string; readonly uid?: string; readonly resourceVersion?: string }

const pageMs = 30_000
const deletionsAtOnce = 8

/**
 * Looks at all records, page by page: counts them, and deletes those that ended a minute ago. One that was written anew in
 * the meantime stays.
 */
export async function sweep(parts: {
  client: Pick<KubeClient, 'scan' | 'delete'>
  namespace: string
  tally: Tally
  pageSize: number
  nowMs: number
  signal: AbortSignal
}): Promise<void> {
  const { client, namespace, tally, pageSize, nowMs, signal } = parts
  const count = tally.recount()
  const gone = nowMs - graceSeconds * 1_000

  function keep({ metadata, spec }: TokenRecord): Ended | undefined {
    if (Date.parse(spec.endsAt) > gone) {
      count.found(spec)
      return undefined
    }
    const { name, uid, resourceVersion } = metadata
    return { name, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
  }

  let next: string | undefined
  do {
    const page = await client.scan(tokenRecords, keep, {
      namespace,
      limit: pageSize,
      signal: AbortSignal.any([signal, AbortSignal.timeout(pageMs)]),
      ...(next !== undefined && { continue: next }),
    })
    await deleteAll(client, namespace, page.kept, signal)
    next = page.continue
  } while (next !== undefined)
  count.done()
}

async function deleteAll(
  client: Pick<KubeClient, 'delete'>,
  namespace: string,
  ended: readonly Ended[],
  signal: AbortSignal,
): Promise<void> {
  const left = [...ended]
  async function work(): Promise<void> {
    for (let one = left.pop(); one && !signal.aborted; one = left.pop()) {
      const { name, ...preconditions } = one
      await client.delete(tokenRecords, namespace, name, { preconditions }).catch(unlessChanged)
    }
  }
  await Promise.all(Array.from({ length: deletionsAtOnce }, work))
}

function unlessChanged(error: unknown): void {
  if (!(error instanceof KubeError && error.status === 409)) throw error
}
