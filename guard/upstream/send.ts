import type { Outbox } from '../../platform/wire/connection/outbox.ts'
import type { Upstream } from './state.ts'

/**
 * Before a piece of a request's body is written: it goes out at the end of the turn. What the app said is read by then; the
 * write would find its end first, and an answer would be lost with the connection.
 */
export function holdBody(upstream: Upstream, outbox: Outbox): void {
  if (upstream.corked) return
  upstream.corked = true
  upstream.socket.cork()
  outbox.add(upstream)
}

/** What waited for the end of the turn goes out: a whole request, the beginning of one, or more of its body. */
export function sendRequest(upstream: Upstream): void {
  const { socket, out } = upstream
  upstream.out = ''
  if (socket.destroyed) return
  if (out !== '') {
    if (upstream.sent) return void socket.write(out, 'latin1')
    readOnAfterWrites(upstream)
    upstream.corked = true
    socket.cork()
    socket.write(out, 'latin1')
    upstream.handler?.onReady()
  }
  // What the app has no use for stays here, until the connection ends.
  if (!upstream.corked || upstream.stopped) return
  upstream.corked = false
  socket.uncork()
}

/** The app takes nothing more of the request; its answer is read on. */
export function stopSending(upstream: Upstream): void {
  if (upstream.stopped) return
  upstream.stopped = true
  upstream.handler?.onEnough()
}

/**
 * An app may answer and close before it has read the body. The next write fails then, and a Socket whose write failed is
 * destroyed, with the answer that it has not read yet. So such a write counts as done: reading tells what there is.
 */
function readOnAfterWrites(upstream: Upstream): void {
  if (upstream.readsOn) return
  upstream.readsOn = true
  const { socket } = upstream
  const write = socket._write.bind(socket)
  const writev = socket._writev?.bind(socket)
  socket._write = (chunk, encoding, done) => write(chunk, encoding, readOn(upstream, done))
  if (writev) socket._writev = (chunks, done) => writev(chunks, readOn(upstream, done))
}

type Done = (error?: Error | null) => void

function readOn(upstream: Upstream, done: Done): Done {
  // One that is there whole is sent once more.
  if (upstream.request !== '') return done
  return error => {
    if (!error || !isReset(error)) return done(error)
    stopSending(upstream)
    done()
  }
}

function isReset(error: Error): boolean {
  const { code } = error as { code?: unknown }
  return code === 'EPIPE' || code === 'ECONNRESET'
}
