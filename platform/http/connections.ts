import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import { createBudget, type Share } from '../fair/budget.ts'
import type { HttpLimit, HttpLimits } from './limits.ts'
import { peerKey } from './peer.ts'

/** A connection that was let in. */
export interface Connection {
  readonly peer: string
  /** The one that carries requests: behind TLS, not the one that was accepted. */
  readonly socket: Socket
  readonly phase: 'handshake' | 'open'
  /** Since when the next request is waited for: let in, handshake done, or the last one answered. */
  since: number
  /** What had been read of it then. */
  readSince: number
  /** Since when something comes that is no whole head yet; undefined while nothing does. */
  headSince: number | undefined
  /** Whether there was a request. */
  served: boolean
  /** Moves it to the places of proved peers, where no stranger can cost it its own. */
  prove(): void
  /** Closes it and counts why. */
  closeFor(limit: HttpLimit): void
}

/** The connections of one listener. */
export interface Connections {
  /** Lets a connection in, or closes it at once. */
  accept(socket: Socket): void
  /** Its handshake is done. */
  secured(socket: Socket): void
  of(socket: Socket): Connection | undefined
  all(): Iterable<Connection>
  size(): number
}

type Admitted = { -readonly [name in keyof Connection]: Connection[name] }

/** @param isSecure connections begin with a TLS handshake */
export function createConnections(options: {
  isSecure: boolean
  limits: HttpLimits
  clock: Clock
  onLimit: (limit: HttpLimit) => void
}): Connections {
  const { isSecure, limits, clock, onLimit } = options
  const strangers = createBudget(limits.strangers)
  const proved = createBudget(limits.proved)
  const handshakes = createBudget(limits.handshakes)
  const connections = new Set<Connection>()
  // The two sockets of a connection behind TLS know nothing of each other but the port of their peer.
  const handshaking = new Map<string, { connection: Admitted; done(): void }>()
  const bySocket = new WeakMap<Socket, Connection>()

  function admit(socket: Socket): { connection: Admitted; shares: Set<Share> } | undefined {
    const peer = peerKey(socket.remoteAddress)
    const shares = new Set<Share>()
    const connection: Admitted = {
      ...{ peer, socket, phase: isSecure ? 'handshake' : 'open', since: clock.now(), served: false },
      ...{ readSince: 0, headSince: undefined },
      prove: () => {},
      closeFor(limit) {
        onLimit(limit)
        connection.socket.destroy()
        stopReading(connection.socket)
      },
    }
    const place = strangers.take(peer, 1, () => connection.closeFor('connections'))
    if (!place) return void connection.closeFor('connections')
    shares.add(place)
    connection.prove = () => {
      if (!shares.delete(place)) return
      place.release()
      const better = proved.take(peer, 1, () => connection.closeFor('connections'))
      if (better) shares.add(better)
      else connection.closeFor('connections')
    }
    return { connection, shares }
  }

  function beginHandshake(connection: Admitted, shares: Set<Share>): boolean {
    const { peer, socket } = connection
    const share = handshakes.take(peer, 1, () => connection.closeFor('handshakes'))
    if (!share) return false
    shares.add(share)
    const name = portOf(socket)
    handshaking.set(name, { connection, done: share.release })
    socket.once('close', () => {
      if (handshaking.get(name)?.connection === connection) handshaking.delete(name)
    })
    return true
  }

  return {
    accept(socket) {
      const admitted = admit(socket)
      if (!admitted) return
      const { connection, shares } = admitted
      socket.once('close', () => {
        connections.delete(connection)
        for (const share of shares) share.release()
        shares.clear()
      })
      if (isSecure && !beginHandshake(connection, shares)) return connection.closeFor('handshakes')
      connections.add(connection)
      bySocket.set(socket, connection)
    },
    secured(socket) {
      const name = portOf(socket)
      const known = handshaking.get(name)
      if (!known) return void socket.destroy()
      handshaking.delete(name)
      known.done()
      const { connection } = known
      connection.socket = socket
      connection.phase = 'open'
      connection.since = clock.now()
      bySocket.set(socket, connection)
    },
    of: socket => bySocket.get(socket),
    all: () => connections,
    size: () => connections.size,
  }
}

function portOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}

/**
 * Node reads every head that came in one piece, on a destroyed socket too, and a thousand such pieces hold the loop for
 * seconds. What it has no public name for is the parser: without one of this shape all is read as before.
 */
function stopReading(socket: Socket): void {
  const { parser } = socket as Socket & { readonly parser?: { remove?(): void } | null }
  parser?.remove?.()
}
