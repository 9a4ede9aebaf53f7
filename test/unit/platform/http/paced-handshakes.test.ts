import { EventEmitter } from 'node:events'
import type { Server, Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { paceHandshakes } from '../../../../platform/http/paced-handshakes.ts'
import { createManualClock } from '../manual-clock.ts'
import { createQuietLog } from '../quiet-log.ts'

function start() {
  const server = new EventEmitter()
  const begun: string[] = []
  const refused: string[] = []
  server.on('connection', ({ name }: { name: string }) => begun.push(name))
  const nameOf = (socket: Socket): string => (socket as unknown as { name: string }).name
  paceHandshakes(server as Server, { clock: createManualClock(), log: createQuietLog().log }, socket => {
    refused.push(nameOf(socket))
  })
  const connect = (remoteAddress: string, name: string) => {
    const socket = Object.assign(new EventEmitter(), {
      ...{ remoteAddress, name, destroyed: false },
      destroy() {
        socket.destroyed = true
      },
    })
    server.emit('connection', socket)
    return socket
  }
  return { begun, refused, connect }
}
const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('handshakes', () => {
  it('begin at once, four in a turn', async () => {
    const { begun, connect } = start()
    for (let i = 1; i <= 6; i++) connect('10.0.0.1', `a${i}`)
    expect(begun).toEqual(['a1', 'a2', 'a3', 'a4'])
    await nextTurn()
    expect(begun).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6'])
  })

  it('S06 of one peer that opens as fast as it can leave the next turn to another one', async () => {
    const { begun, connect } = start()
    for (let i = 1; i <= 100; i++) connect('10.0.0.1', `a${i}`)
    connect('10.0.0.2', 'b')
    await nextTurn()
    expect(begun.slice(4)).toEqual(['a5', 'b', 'a6', 'a7'])
  })

  it('are refused, and told, where too many of a peer wait', () => {
    const { refused, connect } = start()
    for (let i = 1; i <= 132; i++) connect('10.0.0.1', `a${i}`)
    expect(refused).toEqual([])
    const late = connect('10.0.0.1', 'late')
    expect([refused, late.destroyed]).toEqual([['late'], true])
    expect(connect('10.0.0.2', 'b').destroyed).toBe(false)
  })

  it('never begin on a connection that ended while it waited', async () => {
    const { begun, connect } = start()
    for (let i = 1; i <= 4; i++) connect('10.0.0.1', `a${i}`)
    const gone = connect('10.0.0.1', 'gone')
    gone.emit('error', new Error('reset'))
    gone.destroyed = true
    await nextTurn()
    expect(begun).not.toContain('gone')
  })
})
