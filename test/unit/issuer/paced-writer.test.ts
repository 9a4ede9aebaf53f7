import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, it } from 'vitest'
import { createPacedWriter, stallMs } from '../../../issuer/snapshots/paced-writer.ts'
import { createFairQueue } from '../../../platform/fair/fair-queue.ts'
import { createManualClock, settled } from '../platform/manual-clock.ts'

/** An answer whose reader reads a piece when it is told to. */
function reader() {
  const unread: { text: string; done: () => void }[] = []
  const got: string[] = []
  const response = Object.assign(new EventEmitter(), {
    destroyed: false,
    writableEnded: false,
    write(piece: Buffer | string, done: () => void) {
      unread.push({ text: String(piece), done })
      return false
    },
    destroy() {
      response.destroyed = true
      response.emit('close')
    },
  })
  const read = async () => {
    const next = unread.shift()
    if (next) got.push(next.text)
    next?.done()
    await settled()
  }
  return { response: response as unknown as ServerResponse, unread, got, read }
}

const large = 'x'.repeat(5_000)
const frame = (...pieces: string[]) => ({
  ...{ hash: '', seen: {} },
  chunk: (index: number) => (index < pieces.length ? Buffer.from(pieces[index] ?? '') : undefined),
})

function world(turns = { running: 2, waiting: 9, waitingPerPeer: 9 }) {
  const clock = createManualClock()
  const told = { stalled: 0, done: 0 }
  const pace = { turns: createFairQueue(turns), onStalled: () => told.stalled++ }
  const guard = (tenant: string) => {
    const end = reader()
    return { ...end, writer: createPacedWriter(end.response, { pace, tenant, clock, onDone: () => told.done++ }) }
  }
  return { clock, told, guard }
}

describe('what is sent to a guard', () => {
  it('is the next piece when the one before was read, and no line between two pieces', async () => {
    const { guard, told } = world()
    const one = guard('shop')
    one.writer.write(frame('a', large, 'c\n'))
    await settled()
    expect(one.unread.map(({ text }) => text)).toEqual(['a'])
    one.writer.say('between\n')
    for (let n = 0; n < 3; n++) await one.read()
    expect(one.got).toEqual(['a', large, 'c\n'])
    expect(told.done).toBe(1)
    one.writer.say('after\n')
    await one.read()
    expect(one.got.at(-1)).toBe('after\n')
  })

  it('S04 large pieces of one namespace do not wait for those of another that does not read', async () => {
    const { guard } = world()
    const greedy = Array.from({ length: 5 }, () => guard('greedy'))
    for (const { writer } of greedy) writer.write(frame(large))
    const good = guard('good')
    good.writer.write(frame(large))
    await settled()
    expect(greedy.map(({ unread }) => unread.length)).toEqual([1, 0, 0, 0, 0])
    await good.read()
    expect(good.got).toEqual([large])
  })

  it('S04 a change is sent though large pieces of the same namespace are not read', async () => {
    const { guard } = world()
    guard('shop').writer.write(frame(large))
    const other = guard('shop')
    other.writer.write(frame('small\n'))
    await settled()
    await other.read()
    expect(other.got).toEqual(['small\n'])
  })

  it('S04 who does not read a piece in time is dropped, and its turn passes on', async () => {
    const { guard, clock, told } = world()
    const stuck = guard('shop')
    stuck.writer.write(frame(large))
    const next = guard('shop')
    next.writer.write(frame(large))
    await clock.advance(stallMs)
    stuck.writer.look()
    expect(stuck.response.destroyed).toBe(false)
    await clock.advance(1)
    stuck.writer.look()
    // Who waits for its turn has nothing to read.
    next.writer.look()
    await settled()
    expect(stuck.response.destroyed).toBe(true)
    expect(next.response.destroyed).toBe(false)
    expect(told).toEqual({ stalled: 1, done: 0 })
    await next.read()
    expect(next.got).toEqual([large])
  })

  it('reading slowly is reading: time begins anew with each piece', async () => {
    const { guard, clock } = world()
    const slow = guard('shop')
    slow.writer.write(frame(...Array.from({ length: 10 }, () => large)))
    for (let n = 0; n < 10; n++) {
      await clock.advance(stallMs - 1_000)
      slow.writer.look()
      await slow.read()
    }
    expect(slow.got).toHaveLength(10)
  })

  it('S04 an end that is not read is cut', async () => {
    const { guard, clock } = world()
    const one = guard('shop')
    one.writer.write(frame(large))
    one.writer.finish()
    await clock.advance(stallMs)
    expect(one.response.destroyed).toBe(true)
  })
})
