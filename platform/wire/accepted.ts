import type { Socket } from 'node:net'
import { type Bounds, type Budget, createBudget, type Place } from '../fair/budget.ts'
import { costs } from '../fair/memory.ts'
import { peerKey, plainAddress } from '../http/peer.ts'
import type { Admission } from './connection/listener.ts'

/** A connection that was let in, and counted in a budget of memory. */
export interface Accepted {
  /** What is read and written: behind TLS not the one that was accepted. */
  socket: Socket
  /** Where it comes from, as it is written down. */
  readonly address: string
  /** The peer that it is counted for. */
  readonly key: string
  /** Its place among the connections. */
  readonly seat: Place
  /** Its place in the budget of memory, and what it takes there while nothing is held for it. */
  readonly place: Place
  readonly cost: number
}

export interface AdmissionOptions {
  /** Connections begin with a TLS handshake. */
  isSecure: boolean
  /** What comes beyond is closed unanswered, or costs the peer that has the most its newest one. */
  connections: Bounds
  /** Memory of all that is under way. */
  memory: Budget
  onRefused(limit: 'connections' | 'memory'): void
}

/** Lets connections in while there are places for them, and memory. */
export function createAdmission({ isSecure, connections, memory, onRefused }: AdmissionOptions): Admission<Accepted> {
  const seats = createBudget(connections, 'shed')
  return {
    enter(socket) {
      const key = peerKey(socket.remoteAddress)
      const endFor = (limit: 'connections' | 'memory'): void => {
        onRefused(limit)
        accepted?.socket.destroy()
      }
      let accepted: Accepted | undefined
      const seat = seats.enter(key, 1, () => endFor('connections'))
      if (!seat) return void onRefused('connections')
      const cost = isSecure ? costs.tls : costs.connection
      const place = memory.enter(key, cost, () => endFor('memory'))
      if (!place) {
        seats.leave(seat)
        return void onRefused('memory')
      }
      accepted = { socket, address: plainAddress(socket.remoteAddress), key, seat, place, cost }
      return accepted
    },
    open(accepted, socket) {
      accepted.socket = socket
    },
    leave(accepted) {
      seats.leave(accepted.seat)
      memory.leave(accepted.place)
    },
  }
}
