import type { Socket } from 'node:net'
import { ticksOf } from '../../../platform/wire/connection/ticks.ts'

/**
 * Finds connections that bring much more than their calls explain: frames of kinds that mean nothing, or nothing new. Each
 * of them costs little and none is told of, so their bytes are counted.
 */
export interface ByteMeter {
  /** What a call brings beside its data: a head, windows for its answer. */
  call(): void
  data(bytes: number): void
  /** @returns whether too much came of late. Ticks are those of the sweep */
  isTooMuch(tick: number): boolean
}

const windowTicks = ticksOf(10_000)
/** For a window of time, whatever a connection does. */
const freeBytes = 262_144
const callBytes = 20_480
/** Of each byte of data so many come with it, as heads of small frames. */
const perData = 12
/** Windows are opened anew with 13 bytes for some thousand. */
const writtenShare = 1 / 16

export function createByteMeter(socket: Socket): ByteMeter {
  let windowStart = -windowTicks
  let readBefore = 0
  let writtenBefore = 0
  let explained = 0
  return {
    call() {
      explained += callBytes
    },
    data(bytes) {
      explained += bytes * perData
    },
    isTooMuch(tick) {
      const { bytesRead, bytesWritten } = socket
      if (tick - windowStart >= windowTicks) {
        windowStart = tick
        readBefore = bytesRead
        writtenBefore = bytesWritten
        explained = 0
        return false
      }
      const answers = (bytesWritten - writtenBefore) * writtenShare
      return bytesRead - readBefore > freeBytes + explained + answers
    },
  }
}
