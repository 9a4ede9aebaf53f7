import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'

/**
 * The body of a request as a stream of its own, under back-pressure. Whoever reads it may destroy it: the connection
 * to the client, over which the answer still has to go, stays. Trailers end here.
 */
export function requestBody(request: IncomingMessage): Readable {
  const body = new Readable({
    read: () => void request.resume(),
    destroy(error, done) {
      request.off('data', take)
      request.off('end', finish)
      request.off('close', breakOff)
      // What still comes is thrown away: a client that only reads after it has written could otherwise wait for ever.
      if (!request.complete) request.resume()
      done(error)
    },
  })
  const take = (chunk: Buffer): void => {
    if (!body.push(chunk)) request.pause()
  }
  const finish = (): void => void body.push(null)
  const breakOff = (): void => {
    if (!request.complete) body.destroy(new Error('the client broke off its request'))
  }
  request.on('data', take)
  request.on('end', finish)
  request.on('close', breakOff)
  request.pause()
  return body
}

const lingerMs = 250
const lingerBytes = 256 * 1_024

/**
 * Ends an answer that came before the request's body did. Closing at once would reset the connection and could take
 * the answer away from a client that is still writing, so a little of the body is read and thrown away first.
 * The answer must be complete by its Content-Length, or the client waits for these moments.
 */
export function endEarly(request: IncomingMessage, response: ServerResponse): void {
  let bytes = 0
  const done = (): void => {
    clearTimeout(timer)
    request.off('data', count)
    if (!response.writableEnded) response.end(() => request.complete || request.socket.destroySoon())
  }
  const count = (chunk: Buffer): void => {
    bytes += chunk.length
    if (bytes > lingerBytes) done()
  }
  const timer = setTimeout(done, lingerMs)
  request.on('data', count)
  request.once('end', done)
  request.once('close', done)
  request.resume()
}
