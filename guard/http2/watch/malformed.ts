import type { ServerHttp2Stream } from 'node:http2'
import { NGHTTP2_PROTOCOL_ERROR } from '../codes.ts'

/** Streams of one connection that brought fields which cannot be. */
export interface Malformed {
  /** Such a field is on its way to node:http2, on this stream. */
  found(id: number): void
  /** @returns whether the stream came with one; from now on it is reset when one comes, in its trailers */
  opened(stream: ServerHttp2Stream): boolean
}

/** Streams that node:http2 refuses by itself never open, but whoever makes many of them means no good. */
const mostUnopened = 256

export function createMalformed(onTooMany: () => void): Malformed {
  const unopened = new Set<number>()
  const open = new Map<number, ServerHttp2Stream>()
  return {
    found(id) {
      const stream = open.get(id)
      if (stream) return void (stream.closed || stream.close(NGHTTP2_PROTOCOL_ERROR))
      unopened.add(id)
      if (unopened.size > mostUnopened) onTooMany()
    },
    opened(stream) {
      const { id = 0 } = stream
      open.set(id, stream)
      stream.once('close', () => open.delete(id))
      return unopened.delete(id)
    },
  }
}
