import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { settled } from '../platform/manual-clock.ts'

/** An answer in memory, to somebody who reads whatever comes, or nothing until told to. */
export function createAnswer(reads: 'all' | 'nothing' = 'all') {
  const lines: string[] = []
  const waiting: (() => void)[] = []
  const reader = { reads: reads === 'all' }
  const head: { status?: number; headers: Record<string, string | number> } = { headers: {} }
  const response = Object.assign(new EventEmitter(), {
    destroyed: false,
    headersSent: false,
    writableEnded: false,
    writeHead(status: number, headers: Record<string, string | number> = {}) {
      Object.assign(head, { status, headers })
      response.headersSent = true
      return response
    },
    flushHeaders() {},
    write(piece: Buffer | string, done: () => void) {
      lines.push(String(piece))
      waiting.push(done)
      if (reader.reads) for (const read of waiting.splice(0)) setImmediate(read)
    },
    end(text: string) {
      lines.push(text)
      response.writableEnded = true
    },
    destroy() {
      if (response.destroyed) return
      response.destroyed = true
      response.emit('close')
    },
  })
  return {
    response: response as unknown as ServerResponse,
    head,
    lines,
    reader,
    /** Reads what was written. */
    async read(): Promise<void> {
      for (const done of waiting.splice(0)) done()
      await settled()
    },
    /** What each line is: `full`, `delta`, `heartbeat`, `behind`, `end`. */
    kinds: () => lines.map(text => Object.keys(JSON.parse(text) as object)[0]),
    /** A member of the last line. */
    last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown>,
  }
}

/** A request in memory, whose body a test writes. */
export function createRequest(about: {
  method?: string
  url?: string
  authorization?: readonly string[]
}): PassThrough & IncomingMessage {
  const { method = 'POST', url = '/v1/snapshots', authorization } = about
  const socket = { remoteAddress: '10.0.0.7', setNoDelay: () => socket, setKeepAlive: () => socket }
  const headersDistinct = { ...(authorization && { authorization }) }
  const stream = new PassThrough({ highWaterMark: 65_536 })
  // Whoever is not looked at any more is cut off.
  stream.on('error', () => {})
  return Object.assign(stream, { method, url, headersDistinct, socket }) as unknown as PassThrough & IncomingMessage
}
