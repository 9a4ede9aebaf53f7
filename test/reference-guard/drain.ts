import type { Server } from 'node:http'
import { type Clock, sleep } from '../../platform/clock.ts'

/**
 * Ends a server without dropping a request: for `graceMs` it still takes requests, each answered with
 * `Connection: close`, because callers learn late that they should go elsewhere; then it stops listening, ends idle
 * connections and waits for the rest, at most until `deadlineMs`.
 */
export async function drainServer(
  server: Server,
  options: { clock: Clock; graceMs: number; deadlineMs: number; busy(): boolean },
): Promise<void> {
  const { clock, graceMs, deadlineMs, busy } = options
  const startedMs = clock.now()
  await sleep(clock, Math.min(graceMs, deadlineMs))
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  server.closeIdleConnections()
  while (busy() && clock.now() - startedMs < deadlineMs) {
    await sleep(clock, 20)
    // Connections that became idle since.
    server.closeIdleConnections()
  }
  server.closeAllConnections()
  await Promise.race([closed, sleep(clock, 1_000)])
}
