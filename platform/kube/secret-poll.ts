import { type Clock, systemClock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { KubeClient, KubeObject } from './client.ts'
import { secrets } from './resources.ts'

interface Secret extends KubeObject {
  data?: Record<string, string>
}

const absentMs = 1_000
const presentMs = 30_000

/**
 * Reads one Secret by name, every second until it is there and every 30 s then. Secrets are neither listed nor watched.
 * @param take gets the entries when they changed; what it throws is logged once, and the same entries are offered again
 * @param options onRead: called after each look that found what was taken, changed or not
 * @returns a function that ends it
 */
export function pollSecret(
  client: Pick<KubeClient, 'get'>,
  secret: { namespace: string; name: string },
  take: (entries: ReadonlyMap<string, Buffer>) => void,
  options: { log: Logger; clock?: Clock; onRead?: () => void },
): () => void {
  const { log, clock = systemClock, onRead } = options
  let version: string | undefined
  let lastFault: string | undefined
  let stopped = false
  let cancel: (() => void) | undefined

  async function look(): Promise<void> {
    try {
      const found = await client.get<Secret>(secrets, secret.namespace, secret.name)
      if (!stopped && found && found.metadata.resourceVersion !== version) {
        const entries = Object.entries(found.data ?? {})
        take(new Map(entries.map(([name, value]) => [name, Buffer.from(value, 'base64')])))
        version = found.metadata.resourceVersion
      }
      if (!stopped && found) onRead?.()
      lastFault = undefined
    } catch (error) {
      const fault = error instanceof Error ? error.message : 'unknown'
      if (fault !== lastFault)
        log.warn({ err: error, object: `${secret.namespace}/${secret.name}` }, 'not taken over, trying again')
      lastFault = fault
    }
    if (!stopped) cancel = clock.after(version === undefined ? absentMs : presentMs, () => void look())
  }

  void look()
  return () => {
    stopped = true
    cancel?.()
  }
}
