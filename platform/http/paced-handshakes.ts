import type { Server, Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { createTurns } from '../fair/turns.ts'
import type { Logger } from '../log.ts'
import { peerKey } from './peer.ts'

/**
 * A handshake takes about a millisecond, most of it when the client's first message is read: four begin in a turn of the
 * event loop, so that those who wait, and connections that are open, are never far from the next turn.
 */
const bounds = { sliceMs: 4, leastMs: 1, perPeer: 128, sum: 512 }

/**
 * Lets handshakes begin peer by peer in turn: whoever opens connections as fast as it can delays itself. Until its turn a
 * connection is not read.
 * @param server the first listener for `connection` is the one by which Node begins handshakes. It is called last: what the
 * other ones have closed needs no turn
 * @param onRefused of a connection that is then closed: too many wait
 */
export function paceHandshakes(
  server: Server,
  { clock, log }: { clock: Clock; log: Logger },
  onRefused: (socket: Socket) => void,
): void {
  const turns = createTurns(bounds, { clock, log })
  const [begin] = server.listeners('connection') as ((socket: Socket) => void)[]
  if (!begin) throw new Error('the server begins no handshakes')
  server.off('connection', begin)
  server.on('connection', (socket: Socket) => {
    if (socket.destroyed) return
    const refuse = (): void => {
      onRefused(socket)
      socket.destroy()
    }
    // Nobody else listens before its turn; a caller that goes then is no fault.
    const ignore = (): void => {}
    socket.on('error', ignore)
    const fate = turns.take(peerKey(socket.remoteAddress), turn => {
      if (turn === 'lost') return void refuse()
      if (socket.destroyed) return
      socket.off('error', ignore)
      begin.call(server, socket)
    })
    if (fate === 'refused') refuse()
  })
}
