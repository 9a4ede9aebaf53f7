import type { AccessKey } from '../core/api/access-key.ts'
import { secretNameOf } from '../core/keys/secret-data.ts'
import type { Clock } from '../platform/clock.ts'
import type { KubeClient, KubeObject } from '../platform/kube/client.ts'
import { secrets } from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'

/** How often each Secret is looked at while there are few, in milliseconds; and the time between two looks at most. */
const roundMs = 5_000
const leastMs = 50

/** Looks at the Secrets of all AccessKeys by name, one after the other, for as long as it runs. */
export interface SecretSweep {
  /** What a pass has just read: undefined where there was none. */
  read(namespace: string, name: string, found: KubeObject['metadata'] | undefined): void
  start(): void
  stop(): void
}

/**
 * Secrets are neither listed nor watched, so one that is deleted or edited by hand tells nobody. Each is asked for its
 * version: every 5 s up to a hundred, beyond that 20 in a second, so every 50 s of a thousand. Its content is not read.
 * A copy of the API server's that is behind costs one pass more and no harm.
 * @param about.keys those whose Secrets the operator makes
 * @param about.changed gets the key of an AccessKey whose Secret is not what its last pass read
 */
export function createSecretSweep(about: {
  readonly client: Pick<KubeClient, 'getMetadata'>
  readonly keys: () => Iterable<[string, AccessKey]>
  readonly changed: (key: string) => void
  readonly clock: Clock
  readonly log: Logger
}): SecretSweep {
  const { client, clock, log } = about
  let known = new Map<string, string>()
  let round: [string, AccessKey][] = []
  let everyMs = roundMs
  let cancel: (() => void) | undefined
  let stopped = false

  function nextRound(): void {
    round = [...about.keys()].filter(([, key]) => !key.spec.publicKey)
    everyMs = Math.max(leastMs, roundMs / Math.max(1, round.length))
    const named = new Set(round.map(([, key]) => placeOf(key)))
    known = new Map([...known].filter(([place]) => named.has(place)))
  }

  async function look(key: string, accessKey: AccessKey): Promise<void> {
    try {
      const found = await client.getMetadata(secrets, accessKey.metadata.namespace, secretNameOf(accessKey))
      const before = known.get(placeOf(accessKey))
      // One that no pass has looked at yet waits for its first.
      if (before !== undefined && before !== versionOf(found)) about.changed(key)
    } catch (error) {
      // Forbidden, or nobody answers: the passes themselves say so in status.
      log.debug({ err: error, object: key }, 'the Secret was not looked at')
    }
  }

  async function step(): Promise<void> {
    if (round.length === 0) nextRound()
    const next = round.pop()
    if (next) await look(...next)
    if (!stopped) cancel = clock.after(everyMs, () => void step())
  }

  return {
    read: (namespace, name, found) => void known.set(`${namespace}/${name}`, versionOf(found)),
    start: () => void step(),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

function placeOf(accessKey: AccessKey): string {
  return `${accessKey.metadata.namespace}/${secretNameOf(accessKey)}`
}

function versionOf(found: KubeObject['metadata'] | undefined): string {
  return found ? `${found.uid} ${found.resourceVersion}` : 'none'
}
