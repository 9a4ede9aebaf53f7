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
  /** Lets a connection in, or closes it at once. @returns undefined when it did that */
  enter(socket: Socket): Connection | undefined
  /** From now on it carries requests, over this socket: behind TLS its handshake is done. */
  open(connection: Connection, socket: Socket): void
  leave(connection: Connection): void
  /** The same for a server of Node's, which tells of sockets only. */
  accept(socket: Socket): void
  secured(socket: Socket): void
  of(socket: Socket): Connection | undefined
  all(): Iterable<Connection>
  size(): number
}

interface Admitted {
  readonly connection: { -readonly [name in keyof Connection]: Connection[name] }
  readonly shares: Set<Share>
  endHandshake(): void
}

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
  const connections = new Map<Connection, Admitted>()
  // The two sockets of a connection behind TLS know nothing of each other but the port of their peer.
  const handshaking = new Map<string, Connection>()
  const bySocket = new WeakMap<Socket, Connection>()

  function admit(socket: Socket): Admitted | undefined {
    const peer = peerKey(socket.remoteAddress)
    const shares = new Set<Share>()
    const connection: Admitted['connection'] = {
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
    return { connection, shares, endHandshake: () => {} }
  }

  /** @returns undefined when it takes part in no handshake: there is no place for one */
  function beginHandshake(admitted: Admitted): Admitted | undefined {
    const { connection, shares } = admitted
    const share = handshakes.take(connection.peer, 1, () => connection.closeFor('handshakes'))
    if (!share) return undefined
    shares.add(share)
    return { ...admitted, endHandshake: share.release }
  }

  function enter(socket: Socket): Connection | undefined {
    const admitted = admit(socket)
    if (!admitted) return undefined
    const { connection, shares } = admitted
    const begun = isSecure ? beginHandshake(admitted) : admitted
    if (begun) {
      connections.set(connection, begun)
      return connection
    }
    for (const share of shares) share.release()
    connection.closeFor('handshakes')
    return undefined
  }

  function open(connection: Connection, socket: Socket): void {
    const admitted = connections.get(connection)
    if (!admitted) return void socket.destroy()
    admitted.endHandshake()
    admitted.connection.socket = socket
    admitted.connection.phase = 'open'
    admitted.connection.since = clock.now()
  }

  function leave(connection: Connection): void {
    const shares = connections.get(connection)?.shares
    for (const share of shares ?? []) share.release()
    // Who proves itself when it has gone gets no place.
    shares?.clear()
    connections.delete(connection)
  }

  return {
    enter,
    open,
    leave,
    accept(socket) {
      const connection = enter(socket)
      if (!connection) return
      const name = portOf(socket)
      bySocket.set(socket, connection)
      if (isSecure) handshaking.set(name, connection)
      socket.once('close', () => {
        leave(connection)
        if (handshaking.get(name) === connection) handshaking.delete(name)
      })
    },
    secured(socket) {
      const name = portOf(socket)
      const connection = handshaking.get(name)
      if (!connection) return void socket.destroy()
      handshaking.delete(name)
      open(connection, socket)
      bySocket.set(socket, connection)
    },
    of: socket => bySocket.get(socket),
    all: () => connections.keys(),
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
