import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { UpstreamHandler, UpstreamOwner } from '../../../guard/upstream/state.ts'
import { newUpstream, takeBytes, takeEnd } from '../../../guard/upstream/upstream.ts'
import { createOutbox, type Sender } from '../../../platform/wire/connection/outbox.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'

const turn = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

function sender(name: string, sent: string[], more: () => void = () => {}): Sender & { destroyed: boolean } {
  const socket = { destroy: () => (self.destroyed = true) } as unknown as Socket
  const self = {
    socket,
    queued: false,
    destroyed: false,
    send() {
      sent.push(name)
      more()
    },
  }
  return self
}

describe('the outbox', () => {
  it('sends once per connection when the turn is over, in the order in which they asked', async () => {
    const sent: string[] = []
    const outbox = createOutbox(createQuietLog().log)
    const [a, b] = [sender('a', sent), sender('b', sent)]
    for (const one of [a, b, a]) outbox.add(one)
    expect(sent).toEqual([])
    await turn()
    expect(sent).toEqual(['a', 'b'])
    outbox.add(a)
    await turn()
    expect(sent).toEqual(['a', 'b', 'a'])
  })

  it('keeps what is added while it sends for the next turn', async () => {
    const sent: string[] = []
    const outbox = createOutbox(createQuietLog().log)
    const late = sender('late', sent)
    outbox.add(sender('first', sent, () => outbox.add(late)))
    await turn()
    await turn()
    expect(sent).toEqual(['first', 'late'])
  })

  it('loses the connection that cannot send, and no other one', async () => {
    const sent: string[] = []
    const quiet = createQuietLog()
    const outbox = createOutbox(quiet.log)
    const broken = sender('broken', sent, () => {
      throw new Error('injected')
    })
    outbox.add(broken)
    outbox.add(sender('sound', sent))
    await turn()
    expect(sent).toEqual(['broken', 'sound'])
    expect(broken.destroyed).toBe(true)
  })
})

describe('a request that has not gone out yet', () => {
  const owner: UpstreamOwner = { tick: () => 0, onIdle() {}, onTunnel() {}, idleTicks: () => 10 }

  /** A kept connection on which a request waits for the end of the turn. */
  function waiting() {
    const told: string[] = []
    const written: string[] = []
    const state = { destroyed: false }
    const socket = {
      get destroyed() {
        return state.destroyed
      },
      destroy: () => (state.destroyed = true),
      write: (text: string) => written.push(text),
    } as unknown as Socket
    const handler = {
      onFault: (fault: string) => void told.push(fault),
      onLost: (request: string) => void told.push(`unsent ${request}`),
      onAnswer: () => void told.push('answer'),
    } as unknown as UpstreamHandler
    const upstream = newUpstream(socket, 0)
    Object.assign(upstream, { handler, out: 'GET / HTTP/1.1\r\n\r\n', queued: true, sent: true, connected: true })
    return { upstream, told, written, state }
  }

  it('is given back whole when the app ends the connection first, and is not sent on it', () => {
    const { upstream, told, written } = waiting()
    takeEnd(upstream, owner)
    upstream.send()
    expect(told).toEqual(['unsent GET / HTTP/1.1\r\n\r\n'])
    expect(written).toEqual([])
  })

  it('takes no bytes for its answer', () => {
    const { upstream, told, state } = waiting()
    const early = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    takeBytes(upstream, early, early.length, owner)
    expect(told).toEqual(['unsent GET / HTTP/1.1\r\n\r\n'])
    expect(state.destroyed).toBe(true)
  })

  it('fails when it is on its way: the app may have acted on it', () => {
    const { upstream, told, written } = waiting()
    upstream.send()
    takeEnd(upstream, owner)
    expect(written).toHaveLength(1)
    expect(told).toEqual(['upstream_invalid'])
  })
})
