import type { ServerHttp2Session, ServerOptions } from 'node:http2'
import type { Clock } from '../../../platform/clock.ts'
import { maxFields, maxHeaderBytes } from '../read-request.ts'

/** Streams that one connection may have open at a time. */
export const maxStreams = 128

/**
 * What a connection may ask of the library. The counts of nghttp2 end it with GOAWAY.
 * @see RFC 9113 section 10.5; CVE-2023-44487, CVE-2024-27983, CVE-2019-9511 to -9518
 */
export const sessionOptions: ServerOptions = {
  settings: {
    maxConcurrentStreams: maxStreams,
    maxHeaderListSize: maxHeaderBytes,
    enableConnectProtocol: false,
    enablePush: false,
  },
  // Pseudo fields and crumbs of cookies come on top; beyond this the stream is reset, up to it we say what is wrong.
  maxHeaderListPairs: maxFields * 2,
  maxSettings: 32,
  maxOutstandingPings: 4,
  maxSessionInvalidFrames: 32,
  maxSessionRejectedStreams: 128,
  streamResetBurst: 256,
  streamResetRate: 32,
  maxSessionMemory: 16,
  // Of an answer: what the app says twice goes out twice, as over HTTP/1.1.
  strictSingleValueFields: false,
}

/** Bytes that may come on one connection before somebody has read them; each stream has its 65,535 of them. */
export const connectionWindow = 4 * 1_048_576

const windowMs = 10_000
/** What keeps a connection alive, or changes its settings, needs few of each in ten seconds. */
const allowed = { ping: 60, settings: 20, reset: 512 } as const
export type Nuisance = keyof typeof allowed

/** Counts what costs us work and the peer nothing. @returns a function that is true when there was too much of it */
export function createFloodMeter(clock: Clock): (nuisance: Nuisance) => boolean {
  const counts: Record<Nuisance, number> = { ping: 0, settings: 0, reset: 0 }
  let since = clock.now()
  return nuisance => {
    if (clock.now() - since > windowMs) {
      since = clock.now()
      counts.ping = 0
      counts.settings = 0
      counts.reset = 0
    }
    return ++counts[nuisance] > allowed[nuisance]
  }
}

/** Calls `end` when the peer floods the session. */
export function watchForFloods(session: ServerHttp2Session, clock: Clock, end: () => void): void {
  const isTooMuch = createFloodMeter(clock)
  session.on('ping', () => isTooMuch('ping') && end())
  session.on('remoteSettings', () => isTooMuch('settings') && end())
  session.on('stream', stream => stream.once('aborted', () => isTooMuch('reset') && end()))
}
