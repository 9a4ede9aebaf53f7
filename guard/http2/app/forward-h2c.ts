import type { ClientHttp2Stream } from 'node:http2'
import { faultOf } from '../../upstream/target.ts'
import type { Answering, StreamExchange } from '../answering.ts'
import { NGHTTP2_CANCEL, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } from '../codes.ts'
import type { Forward } from '../handle-stream.ts'
import { answerFields, requestFields, trailerFields } from './fields.ts'
import { pump } from './pump.ts'
import { createUpstreamSessions } from './upstream-sessions.ts'

/** Asks an app that speaks HTTP/2 by prior knowledge. Trailers pass both ways, and so do resets. */
export function createH2cForward(options: {
  origin: string
  headersTimeoutMs: number
  onNoConnection?: ((error: Error) => void) | undefined
}): {
  forward: Forward
  close(): void
} {
  const { headersTimeoutMs } = options
  const sessions = createUpstreamSessions(options)
  return {
    close: sessions.close,
    forward(exchange, forwarded, answering) {
      const hasBody = exchange.head.body !== 'none'
      const fields = requestFields(exchange.head, forwarded)
      const asking = sessions.ask(fields, { endStream: !hasBody, waitForTrailers: hasBody })
      sendBody(exchange, asking, answering, hasBody)
      takeAnswer(exchange, asking, answering)
      limitAnswer(exchange, asking, answering, headersTimeoutMs)
    },
  }
}

function sendBody({ stream }: StreamExchange, asking: ClientHttp2Stream, answering: Answering, hasBody: boolean): void {
  const cancel = (): void => {
    if (!asking.closed) asking.close(stream.rstCode || NGHTTP2_CANCEL)
  }
  // The app must see a break as one, never as a shorter body.
  stream.once('aborted', cancel)
  stream.once('close', cancel)
  answering.onWithdrawn(cancel)
  if (!hasBody) return
  let trailing: Record<string, string[]> = {}
  stream.on('trailers', (_fields, _flags, raw) => {
    trailing = trailerFields(raw)
  })
  asking.on('wantTrailers', () => asking.sendTrailers(trailing))
  pump(stream, asking)
  stream.on('data', () => answering.sends(asking.writableLength))
  stream.once('end', () => stream.aborted || asking.end())
}

function takeAnswer({ head }: StreamExchange, asking: ClientHttp2Stream, answering: Answering): void {
  let state: 'none' | 'begun' | 'ended' = 'none'
  const isWhole = watchEnd(asking)
  asking.on('response', (_fields, flags, raw) => {
    const status = Number(raw[raw.indexOf(':status') + 1])
    const isEmpty = (flags & NGHTTP2_FLAG_END_STREAM) !== 0 || head.method === 'HEAD'
    state = isEmpty ? 'ended' : 'begun'
    answering.begin(status, answerFields(raw), isEmpty ? 'none' : asking)
    if (isEmpty) asking.resume()
  })
  asking.on('trailers', (_fields, _flags, raw) => answering.trailers(raw))
  asking.once('end', () => {
    if (state !== 'begun' || asking.aborted || asking.rstCode !== NGHTTP2_NO_ERROR || !isWhole()) return
    state = 'ended'
    answering.end()
  })
  let failed: Error | undefined
  asking.on('error', error => {
    failed = error
  })
  asking.once('close', () => {
    if (state === 'ended') return
    if (state === 'begun' && asking.rstCode !== NGHTTP2_NO_ERROR) answering.reset(asking.rstCode)
    // The connection's own error is the cause of its streams'.
    else answering.fail(failed ? faultOf((failed.cause as Error | undefined) ?? failed, false) : 'upstream_invalid')
  })
}

/**
 * Whether the app ended its answer. node:http2 ends a stream in the same way that the app reset with NO_ERROR, but only
 * after it has closed it.
 */
function watchEnd(asking: ClientHttp2Stream): () => boolean {
  const push = asking.push.bind(asking)
  let isWhole = false
  asking.push = (chunk, encoding) => {
    if (chunk === null && !asking.closed) isWhole = true
    return push(chunk, encoding)
  }
  return () => isWhole
}

/** Counted from the end of the request: a caller of gRPC may take its time, and its answer begins when it has spoken. */
function limitAnswer({ stream }: StreamExchange, asking: ClientHttp2Stream, answering: Answering, ms: number): void {
  let timer: NodeJS.Timeout | undefined
  const start = (): void => {
    timer = setTimeout(() => {
      answering.fail('upstream_timeout')
      asking.close(NGHTTP2_CANCEL)
    }, ms)
  }
  if (stream.endAfterHeaders) start()
  else stream.once('end', start)
  asking.once('response', () => {
    clearTimeout(timer)
    stream.off('end', start)
  })
  asking.once('close', () => clearTimeout(timer))
}
