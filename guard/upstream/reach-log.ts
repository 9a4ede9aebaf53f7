import type { Logger } from '../../platform/log.ts'
import { socketPathOf } from './target.ts'

/** What to do about a socket that the app is not reached by, by the error of connect(2). */
const advice: Readonly<Record<string, string>> = {
  ENOENT:
    'there is no such socket: let the app listen on it, in a folder that its container shares with the guard (the pod annotation latchkey.dev/upstream-socket mounts it)',
  EACCES:
    'the guard may not connect to it: let the app run with umask 007, and set securityContext.fsGroup of the pod, so that the guard is of its group',
  ECONNREFUSED: 'nobody listens on it: the app has ended, or has not removed the socket of the one before it',
  EAGAIN: 'the app does not take its connections fast enough: calls wait; let it listen with a larger backlog',
  EPROTOTYPE: 'it is no stream socket: let the app listen with SOCK_STREAM',
  ENOTDIR: 'its path leads through what is no folder',
  ELOOP: 'its path leads through links in a circle',
}

const everyMs = 60_000

/**
 * Says why an app on a Unix socket is not reached, and what to do: every cause once a minute at most. Over TCP there is
 * little to say: the look for listeners says it.
 */
export function createReachLog(
  upstream: string,
  log: Logger,
  now: () => number = () => performance.now(),
): (error: Error) => void {
  const socket = socketPathOf(upstream)
  const saidAt = new Map<string, number>()
  return error => {
    const { code } = error as { code?: unknown }
    if (socket === undefined || typeof code !== 'string') return
    const last = saidAt.get(code)
    if (last !== undefined && now() - last < everyMs) return
    saidAt.set(code, now())
    log.warn({ socket, code }, `the app is not reached by its socket: ${advice[code] ?? 'the system refuses it'}`)
  }
}
