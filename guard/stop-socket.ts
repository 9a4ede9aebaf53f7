import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { stopSocketName } from '../platform/guard-process.ts'
import type { Logger } from '../platform/log.ts'

/**
 * Hears of the pod's end: the guard's preStop hook connects, and that is all it says. No process is looked for and
 * signalled: with `shareProcessNamespace` the first one is not the guard, and a process id of long ago can be anybody's.
 */
export async function listenForStop(
  options: { readonly snapshotFile: string; readonly log: Logger },
  announceStop: () => void,
): Promise<{ close(): void }> {
  const { snapshotFile, log } = options
  const path = join(dirname(snapshotFile), stopSocketName)
  // A guard that was killed leaves its socket behind.
  await rm(path, { force: true }).catch(() => {})
  const server: Server = createServer(socket => {
    socket.destroy()
    announceStop()
  })
  server.maxConnections = 4
  server.unref()
  // It guards all the same: without it the pod ends as it would without a hook.
  server.on('error', error => log.warn({ err: error }, 'the end of the pod will not be heard of early'))
  await new Promise<void>(resolve => {
    server.once('listening', resolve).once('error', () => resolve())
    server.listen(path)
  })
  return { close: () => server.close() }
}
