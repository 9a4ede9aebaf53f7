import type { AccessKey } from '../../core/api/access-key.ts'
import { type SecretSlot, secretNameOf } from '../../core/keys/secret-data.ts'
import type { Clock } from '../../platform/clock.ts'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { namespaceOf } from '../../platform/kube/fifo.ts'
import { secrets } from '../../platform/kube/resources.ts'
import type { Logger } from '../../platform/log.ts'

/** The time of a round in milliseconds, and how many Secrets are looked at in one. */
const roundMs = 5_000
const mostOfRound = 100
/** Deleted keys of which something is still known, before that is forgotten. */
const mostForgotten = 1_000

type Named = [string, AccessKey]

/** A Secret to be looked at, and the AccessKey whose it is. */
interface Look {
  readonly key: string
  readonly namespace: string
  readonly name: string
}

/** Looks at the Secrets of all AccessKeys by name, one after the other, for as long as it runs. */
export interface SecretSweep {
  /** What a pass has just read: undefined where there was none. */
  read(accessKey: AccessKey, slot: SecretSlot, found: KubeObject['metadata'] | undefined): void
  start(): void
  stop(): void
}

/**
 * Secrets are neither listed nor watched, so one that is deleted or edited by hand tells nobody. Each is asked for its
 * version: every 5 s up to a hundred, beyond that 20 in a second, so every 50 s of a thousand. Namespaces take turns: one
 * with thousands of keys waits for itself, and a hundred with a key each have theirs looked at every 5 s. Content is not read.
 * A copy of the API server's that is behind costs one pass more and no harm.
 * @param about.keys those whose Secrets the operator makes
 * @param about.changed gets the key of an AccessKey whose Secret is not what its last pass read
 */
export function createSecretSweep(about: {
  readonly client: Pick<KubeClient, 'getMetadata'>
  readonly keys: () => Iterable<Named>
  readonly changed: (key: string) => void
  readonly clock: Clock
  readonly log: Logger
}): SecretSweep {
  const { client, clock, log } = about
  let known = new Map<string, string>()
  /** Of each namespace those that are still to be looked at, in the order of their turns. */
  const left = new Map<string, Look[]>()
  let round: Look[] = []
  let everyMs = roundMs
  let cancel: (() => void) | undefined
  let stopped = false

  /** Lists the Secrets of each namespace that is through with its own; such a one comes behind those that are not. */
  function refill(looks: readonly Look[]): void {
    const looked = new Set(looks.map(placeOf))
    const through = new Map<string, Look[]>()
    let count = 0
    for (const look of looksOf(about.keys())) {
      count++
      if (left.has(look.namespace) || looked.has(placeOf(look))) continue
      const others = through.get(look.namespace)
      if (others) others.push(look)
      else through.set(look.namespace, [look])
    }
    for (const [namespace, others] of through) left.set(namespace, others)
    if (known.size > count + mostForgotten) forget()
  }

  function forget(): void {
    const named = new Set([...looksOf(about.keys())].map(placeOf))
    known = new Map([...known].filter(([place]) => named.has(place)))
  }

  function takeTurns(looks: Look[]): void {
    // A namespace that has more to look at is met again, behind the others.
    for (const [namespace, others] of left) {
      if (looks.length === mostOfRound) return
      const next = others.pop()
      if (next) looks.push(next)
      left.delete(namespace)
      if (others.length > 0) left.set(namespace, others)
    }
  }

  function nextRound(): void {
    const looks: Look[] = []
    // What is left of a namespace may be less than this round has place for.
    for (let time = 0; time < 2; time++) {
      refill(looks)
      takeTurns(looks)
      if (looks.length === mostOfRound) break
    }
    round = looks.reverse()
    everyMs = roundMs / Math.max(1, round.length)
  }

  async function look(one: Look): Promise<void> {
    try {
      const found = await client.getMetadata(secrets, one.namespace, one.name)
      const before = known.get(placeOf(one))
      // One that no pass has looked at yet waits for its first.
      if (before !== undefined && before !== versionOf(found)) about.changed(one.key)
    } catch (error) {
      // Forbidden, or nobody answers: the passes themselves say so in status.
      log.debug({ err: error, object: one.key }, 'the Secret was not looked at')
    }
  }

  async function step(): Promise<void> {
    if (round.length === 0) nextRound()
    const next = round.pop()
    if (next) await look(next)
    if (!stopped) cancel = clock.after(everyMs, () => void step())
  }

  return {
    read(accessKey, slot, found) {
      const place = placeOf({ namespace: accessKey.metadata.namespace ?? '', name: secretNameOf(accessKey, slot) })
      // Most keys have no next one: nothing is kept of what nobody looks at.
      if (!found && slot === 'staged') known.delete(place)
      else known.set(place, versionOf(found))
    },
    start: () => void step(),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

/** The mounted one of each key that we make, and that of the next key while there is one. */
function* looksOf(keys: Iterable<Named>): Generator<Look> {
  for (const [key, accessKey] of keys) {
    if (accessKey.spec.publicKey) continue
    const namespace = namespaceOf(key)
    yield { key, namespace, name: secretNameOf(accessKey) }
    const isStaged = accessKey.status?.keys?.some(({ state }) => state === 'Pending')
    if (isStaged) yield { key, namespace, name: secretNameOf(accessKey, 'staged') }
  }
}

function placeOf({ namespace, name }: Omit<Look, 'key'>): string {
  return `${namespace}/${name}`
}

function versionOf(found: KubeObject['metadata'] | undefined): string {
  return found ? `${found.uid} ${found.resourceVersion}` : 'none'
}
