import type { Socket } from 'node:net'
import type { Logger } from '../../log.ts'

/** A connection that has something to send. */
export interface Sender {
  readonly socket: Socket
  /** Whether it stands in the outbox. */
  queued: boolean
  send(): void
}

/** Connections that send when the turn of the event loop is over. */
export interface Outbox {
  add(sender: Sender): void
}

/**
 * Sends when all that came in one turn of the event loop was read and dealt with. Each write wakes whoever waits for it:
 * after a row of writes it finds all of them, instead of going to sleep and being woken again for each.
 */
export function createOutbox(log: Logger): Outbox {
  let waiting: Sender[] = []
  let spare: Sender[] = []

  function sendAll(): void {
    const senders = waiting
    waiting = spare
    for (const sender of senders) {
      sender.queued = false
      try {
        sender.send()
      } catch (error) {
        // A bug costs the call that met it, and nobody else's.
        log.error({ err: error }, 'a connection could not be written to')
        sender.socket.destroy()
      }
    }
    senders.length = 0
    spare = senders
  }

  return {
    add(sender) {
      if (sender.queued) return
      sender.queued = true
      if (waiting.push(sender) === 1) setImmediate(sendAll)
    },
  }
}
