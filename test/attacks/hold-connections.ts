import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Connections of an attacker that say something and then nothing more. */
export interface Held {
  /** Those that nobody has closed. */
  open(): number
  end(): void
}

export interface Hold {
  readonly port: number
  readonly count: number
  /** Loopback addresses they come from, in turn. */
  readonly addresses: readonly string[]
  /** `tls`: behind a handshake; `tcp`: without one. */
  readonly over: 'tls' | 'tcp'
  /** What each of them sends; sent anew on a new connection whenever one is closed, if `again`. */
  readonly bytes: Buffer | string
  readonly again?: true
}

/** Loopback addresses, so many. */
export const addresses = (count: number): string[] => Array.from({ length: count }, (_, i) => `127.0.1.${i + 1}`)

/** Opens them, 100 at a time, and resolves when each was open or refused once. */
export async function hold({ port, count, addresses, over, bytes, again }: Hold): Promise<Held> {
  const sockets = new Set<Socket>()
  let ended = false

  function open(index: number, settled: () => void): void {
    const localAddress = addresses[index % addresses.length] ?? '127.0.0.1'
    const at = { port, host: '127.0.0.1', localAddress }
    const socket = over === 'tls' ? connectTls({ ...at, rejectUnauthorized: false }) : connectTcp(at)
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on(over === 'tls' ? 'secureConnect' : 'connect', () => {
      socket.write(bytes)
      settled()
    })
    socket.on('close', () => {
      sockets.delete(socket)
      settled()
      // Not at once: a refused one would be a loop of ours.
      if (again && !ended) setTimeout(() => !ended && open(index, () => {}), 1_000)
    })
  }
  for (let from = 0; from < count; from += 100) {
    const some = Array.from({ length: Math.min(100, count - from) }, (_, i) => from + i)
    await Promise.all(some.map(index => new Promise<void>(resolve => open(index, resolve))))
  }
  return {
    open: () => sockets.size,
    end() {
      ended = true
      for (const socket of sockets) socket.destroy()
    },
  }
}
