import type { ServerResponse } from 'node:http'
import type { Clock } from '../../platform/clock.ts'
import type { FairQueue } from '../../platform/fair/fair-queue.ts'
import type { FrameText } from './frame-text.ts'

/** What all streams share: turns to have a large piece under way, and what is told of those that do not read. */
export interface Pace {
  readonly turns: FairQueue
  onStalled(): void
}

/** Writes frames to one guard, a piece when the one before was read. */
export interface PacedWriter {
  /** Whether something is under way that was not read. */
  isBusy(): boolean
  write(frame: FrameText): void
  /** Writes a short line, unless something is under way. */
  say(text: string): void
  /** What is under way is the last frame, or the last but one. */
  finish(): void
  /** Drops the connection when nothing was read for too long. */
  look(): void
}

/** A piece that is not read within this time ends the stream, milliseconds. */
export const stallMs = 20_000
/** What is sent without waiting for a turn: the size of a change, not of a slice. */
const smallBytes = 4_096

export function createPacedWriter(
  response: ServerResponse,
  options: { pace: Pace; tenant: string; clock: Clock; onDone: () => void },
): PacedWriter {
  const { pace, tenant, clock, onDone } = options
  let isBusy = false
  let since: number | undefined

  /** @returns when the piece was read, or never will be */
  function put(piece: Buffer | string): Promise<void> {
    since = clock.now()
    return new Promise(resolve => {
      response.once('close', resolve)
      response.write(piece, () => {
        since = undefined
        response.off('close', resolve)
        resolve()
      })
    })
  }

  async function send(frame: FrameText): Promise<void> {
    for (let index = 0; !response.destroyed; index++) {
      const piece = frame.chunk(index)
      if (!piece) return
      if (piece.length <= smallBytes) await put(piece)
      else if ((await pace.turns.run(tenant, () => put(piece))) === 'busy') response.destroy()
    }
  }

  function during(work: Promise<void>): void {
    isBusy = true
    void work.then(() => {
      isBusy = false
      if (!response.destroyed) onDone()
    })
  }

  function look(): void {
    if (since === undefined || clock.now() - since <= stallMs || response.destroyed) return
    pace.onStalled()
    response.destroy()
  }

  return {
    isBusy: () => isBusy,
    write: frame => during(send(frame)),
    say(text) {
      if (!isBusy && !response.destroyed && !response.writableEnded) during(put(text))
    },
    finish() {
      const cancel = clock.after(stallMs, () => response.destroy())
      response.once('close', cancel)
    },
    look,
  }
}
