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
  start(): void
  stop(): void
}

/**
 * Secrets are neither listed nor watched, so one that is deleted or edited by hand tells nobody. Each is asked for its
 * version: every 5 s up to a hundred, beyond that 20 in a second, so every 50 s of a thousand. Its content is not read.
 * @param about.keys those whose Secrets the operator makes
 * @param about.changed gets the key of an AccessKey whose Secret is gone, or another one than before
 */
export function createSecretSweep(about: {
  readonly client: Pick<KubeClient, 'getMetadata'>
  readonly keys: () => Iterable<[string, AccessKey]>
  readonly changed: (key: string) => void
  readonly clock: Clock
  readonly log: Logger
}): SecretSweep {
  const { client, clock, log } = about
  let seen = new Map<string, string>()
  let round: [string, AccessKey][] = []
  let everyMs = roundMs
  let cancel: (() => void) | undefined
  let stopped = false

  function nextRound(): void {
    round = [...about.keys()].filter(([, key]) => !key.spec.publicKey)
    everyMs = Math.max(leastMs, roundMs / Math.max(1, round.length))
    const known = new Set(round.map(([key]) => key))
    seen = new Map([...seen].filter(([key]) => known.has(key)))
  }

  async function look(key: string, accessKey: AccessKey): Promise<void> {
    try {
      const found = await client.getMetadata(secrets, accessKey.metadata.namespace, secretNameOf(accessKey))
      const version = found ? versionOf(found) : 'none'
      const before = seen.get(key)
      seen.set(key, version)
      // At first sight one that is there may be what the last pass saw; one that is not there is news.
      if (before === undefined ? version === 'none' : before !== version) about.changed(key)
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
    start: () => void step(),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

function versionOf({ uid, resourceVersion }: KubeObject['metadata']): string {
  return `${uid} ${resourceVersion}`
}
