import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import { socketPathOf } from '../upstream/target.ts'
import { type Listener, listenersIn, listeningLines, takesLoopback } from './listeners.ts'

/** What was found of the app's listeners in this pod. */
export interface Found {
  /** `address:port` beyond loopback, sorted: whoever reaches one goes around the guard. Empty before the first look. */
  readonly exposed: readonly string[]
  /** `address:port` or `unix:file` where the guard reaches the app, when nothing has listened there for a minute. */
  readonly notListening?: string
}

/** Looks for listeners beyond loopback in this pod, and for the one that the guard stands before. */
export interface Exposure {
  found(): Found
  /** Looks now. @returns `exposed` of what is found */
  look(): Promise<readonly string[]>
  start(): void
  stop(): void
}

export interface ExposureOptions {
  /** Folder that holds `tcp` and `tcp6`. */
  procNet: string
  /** The guard's own. */
  ownPorts: readonly number[]
  /** Those the pod's author wants open. The one the guard stands before is never one of them. */
  openPorts: readonly number[]
  /** Where the guard reaches the app. */
  upstream: string
  onChange(found: Found): void
  clock: Clock
  log: Logger
  intervalMs?: number
}

/** How old what was read may be while the number of sockets is the same. */
const tablesAtLeastMs = 14_000
/** An app takes a while to start, and to start again. */
const startingMs = 60_000

export function createExposure(options: ExposureOptions): Exposure {
  const { procNet, onChange, clock, log, intervalMs = 5_000 } = options
  const socket = socketPathOf(options.upstream)
  const { hostname, port: upstreamPort } = socket === undefined ? addressOf(options.upstream) : onSocket
  const where = socket === undefined ? `${hostname}:${upstreamPort}` : `unix:${basename(socket)}`
  const ignored = new Set([...options.ownPorts, ...options.openPorts.filter(port => port !== upstreamPort)])
  let found: Found = { exposed: [] }
  let cancel: (() => void) | undefined
  let stopped = false
  let socketsBefore: string | undefined
  let readAt = 0
  let listeners: readonly Listener[] = []
  let silentSince: number | undefined

  async function read(): Promise<void> {
    const sockets = await socketsInUse(procNet)
    const isSame = sockets !== undefined && sockets === socketsBefore
    // One socket may have come for another one that went: so the tables are read now and then all the same.
    if (isSame && clock.now() - readAt < tablesAtLeastMs) return
    socketsBefore = sockets
    readAt = clock.now()
    const tables = await Promise.all(['tcp', 'tcp6'].map(name => listeningLines(`${procNet}/${name}`)))
    listeners = tables.flatMap(listenersIn)
  }

  function exposedNow(): readonly string[] {
    const beyond = listeners.filter(({ port, loopback }) => !loopback && !ignored.has(port))
    return [...new Set(beyond.map(({ address, port }) => `${address}:${port}`))].sort()
  }

  /** Tables in which the guard does not find itself say nothing of the app either. */
  async function isSilent(): Promise<boolean> {
    if (socket !== undefined) return isNoSocket(socket)
    const telling = hostname === '127.0.0.1' && listeners.some(({ port }) => options.ownPorts.includes(port))
    return telling && !listeners.some(listener => listener.port === upstreamPort && takesLoopback(listener))
  }

  async function look(): Promise<readonly string[]> {
    await read()
    silentSince = (await isSilent()) ? (silentSince ?? clock.now()) : undefined
    const isLong = silentSince !== undefined && clock.now() - silentSince >= startingMs
    const now: Found = { exposed: exposedNow(), ...(isLong && { notListening: where }) }
    if (now.exposed.join() === found.exposed.join() && now.notListening === found.notListening) return found.exposed
    warn(now, found, log)
    found = now
    onChange(now)
    return now.exposed
  }

  async function lookOn(): Promise<void> {
    await look()
    if (!stopped) cancel = clock.after(intervalMs, () => void lookOn())
  }

  return {
    found: () => found,
    look,
    start: () => void lookOn(),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

function warn({ exposed, notListening }: Found, before: Found, log: Logger): void {
  if (exposed.length > 0 && exposed.join() !== before.exposed.join()) {
    log.warn({ exposed }, 'the pod listens beyond loopback: callers can go around the guard')
  }
  if (notListening !== undefined && before.notListening === undefined) {
    log.warn(
      { notListening },
      "nothing listens where the guard reaches the app: calls are answered 502; name the app's port in the pod annotation latchkey.dev/upstream-port, and let it listen on 127.0.0.1; or its socket in latchkey.dev/upstream-socket",
    )
  }
}

/** No port of the pod is the one that the guard stands before. */
const onSocket = { hostname: undefined, port: undefined }

/** A folder that may not be read says nothing of what is in it. */
async function isNoSocket(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isSocket()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

function addressOf(upstream: string): { hostname: string; port: number } {
  const { hostname, port, protocol } = new URL(upstream)
  return { hostname, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}

/**
 * How many sockets there are, which costs nothing to ask: the tables of connections cost milliseconds however short they
 * are, because the kernel walks through all places of them.
 * @returns undefined where it cannot be told
 */
async function socketsInUse(procNet: string): Promise<string | undefined> {
  const texts = await Promise.all(
    ['sockstat', 'sockstat6'].map(name => readFile(`${procNet}/${name}`, 'latin1').catch(() => '')),
  )
  return /^TCP: inuse \d+/m.exec(texts.join('\n'))
    ? texts
        .join('\n')
        .match(/^TCP6?: inuse \d+/gm)
        ?.join()
    : undefined
}
