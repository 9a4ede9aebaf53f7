import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { http2 } from '../../../platform/on-demand.ts'
import { connectSocket, socketPathOf } from '../../upstream/target.ts'

/** Connections to an app that speaks HTTP/2 without TLS. */
export interface UpstreamSessions {
  /** Opens a stream; its errors are its own, those of its connection among them. */
  ask(fields: readonly string[], options: { endStream: boolean; waitForTrailers: boolean }): ClientHttp2Stream
  close(): void
}

interface Held {
  readonly session: ClientHttp2Session
  open: number
}

/** A connection with as many streams as the app allows is not waited for while fewer than this are open. */
const maxSessions = 8
/** For a connection to be there. */
const connectMs = 5_000
const maxStreams = 100

export function createUpstreamSessions(options: {
  origin: string
  onNoConnection?: ((error: Error) => void) | undefined
}): UpstreamSessions {
  const held = new Set<Held>()
  const socketPath = socketPathOf(options.origin)
  // Each request says itself whom it is for.
  const origin = socketPath === undefined ? options.origin : 'http://localhost'
  const own = socketPath === undefined ? {} : { createConnection: connectSocket(socketPath) }

  function open(): Held {
    const session = http2().connect(origin, {
      ...own,
      settings: { enablePush: false, maxHeaderListSize: 65_536 },
      maxHeaderListPairs: 256,
      maxSessionMemory: 64,
      peerMaxConcurrentStreams: maxStreams,
    })
    const entry = { session, open: 0 }
    held.add(entry)
    const timer = setTimeout(() => session.destroy(failure('ETIMEDOUT')), connectMs)
    session.once('connect', () => {
      clearTimeout(timer)
      session.setLocalWindowSize(4 * 1_048_576)
    })
    // Streams hear of it by themselves.
    session.on('error', error => {
      if (session.connecting) options.onNoConnection?.(error)
    })
    session.on('goaway', () => held.delete(entry))
    session.once('close', () => {
      clearTimeout(timer)
      held.delete(entry)
    })
    return entry
  }

  function choose(): Held {
    let least: Held | undefined
    for (const entry of held) {
      if (entry.session.closed || entry.session.destroyed) continue
      const limit = Math.min(entry.session.remoteSettings.maxConcurrentStreams ?? maxStreams, maxStreams)
      if (entry.open < limit) return entry
      if (!least || entry.open < least.open) least = entry
    }
    return least && held.size >= maxSessions ? least : open()
  }

  return {
    ask(fields, options) {
      const entry = choose()
      const stream = entry.session.request(fields, options)
      entry.open++
      stream.once('close', () => entry.open--)
      return stream
    },
    close() {
      for (const { session } of held) session.destroy()
    },
  }
}

/** The error of a connection that did not come about. */
function failure(code: string): Error {
  return Object.assign(new Error(`the app did not take a connection: ${code}`), { code })
}
