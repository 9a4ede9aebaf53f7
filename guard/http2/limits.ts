import type { ServerOptions } from 'node:http2'
import { maxFields, maxHeaderBytes } from '../../platform/wire/read-request.ts'

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
  maxSessionMemory: 8,
  // Of an answer: what the app says twice goes out twice, as over HTTP/1.1.
  strictSingleValueFields: false,
}

/** Bytes that may come on one connection before somebody has read them; each stream has its 65,535 of them. */
export const connectionWindow = 4 * 1_048_576
