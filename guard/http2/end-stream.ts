import type { ServerHttp2Stream } from 'node:http2'

const ended = new WeakSet<ServerHttp2Stream>()

/**
 * Breaks a caller's stream off. Nothing else does so: node:http2 tells of it as it tells of a peer that breaks off, and
 * what we end, because the app failed or memory is short, is not to be held against the peer.
 */
export function endStream(stream: ServerHttp2Stream, code: number): void {
  if (stream.closed) return
  ended.add(stream)
  stream.close(code)
}

export function wasEndedHere(stream: ServerHttp2Stream): boolean {
  return ended.has(stream)
}
