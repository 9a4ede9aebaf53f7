import { type Clock, sleep } from '../../platform/clock.ts'
import { createRates } from '../../platform/fair/rates.ts'
import { createTurns } from '../../platform/fair/turns.ts'
import type { Logger } from '../../platform/log.ts'
import type { Holder } from '../authenticate/token-review.ts'

const mebibyte = 1_048_576

/** Bytes of lines: of one pod on all its streams, and of all pods of its namespace. Some hundred times what guards send. */
export const lineRates = {
  pod: { perSecond: mebibyte, burst: 4 * mebibyte },
  namespace: { perSecond: 4 * mebibyte, burst: 16 * mebibyte },
} as const
/** What a line costs at least, however short it is. */
export const leastLineBytes = 256
/** Of one turn of the event loop, for lines of all guards, milliseconds. */
const sliceMs = 2
/** A stream has one line that waits, and there are no more streams: none is ever refused. */
const waiting = 4_096

/** When the lines are taken that guards send. */
export interface LinePace {
  /**
   * Takes a line when it is its namespace's turn. Resolves when the next one may be read: who sent too much is not read
   * from for as long as it takes, and its own connection fills up.
   * @param work what is done with the line @param left fires when the stream has ended: then nobody waits for anything
   */
  take(holder: Holder, bytes: number, work: () => void, left: AbortSignal): Promise<void>
  /** How often a stream was not read from because its pod or its namespace had sent too much. */
  slowed(): number
}

export function createLinePace({ clock, log }: { clock: Clock; log: Logger }): LinePace {
  const turns = createTurns({ sliceMs, perPeer: waiting, sum: waiting }, { clock, log })
  const pods = createRates(lineRates.pod, clock)
  const namespaces = createRates(lineRates.namespace, clock)
  let slowed = 0

  return {
    slowed: () => slowed,
    async take(holder, bytes, work, left) {
      const { sender, namespace } = senderOf(holder)
      await new Promise<void>(resolve => {
        const fate = turns.take(namespace, turn => {
          resolve()
          if (turn === 'come' && !left.aborted) work()
        })
        if (fate === 'refused') resolve()
      })
      const cost = Math.max(leastLineBytes, bytes)
      const waitMs = Math.max(pods.spend(sender, cost), namespaces.spend(namespace, cost))
      if (waitMs === 0) return
      slowed++
      await sleep(clock, waitMs, left)
    },
  }
}

/** Who sends: the pod to which the token is bound, or else the user; and the namespace of either, where it has one. */
function senderOf({ pod, user: { username } }: Holder): { sender: string; namespace: string } {
  if (pod) return { sender: pod.uid, namespace: pod.namespace }
  const [, namespace = username] = /^system:serviceaccount:([^:]+):/.exec(username) ?? []
  return { sender: username, namespace }
}
