import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import type { Clock } from '../../../platform/clock.ts'
import type { Logger } from '../../../platform/log.ts'

/** How the issuer reaches Redis. Files are read anew for each connection, so that what is rotated is used from then on. */
export interface RedisAddress {
  /** `redis://` or `rediss://`, with a database number as path, without credentials. */
  readonly url: string
  /** Folder with the file `password` and, for an ACL user, `username`. */
  readonly credentials?: string | undefined
  /** File with the authorities that alone count, PEM; without it the public ones. */
  readonly caFile?: string | undefined
}

/** One connection at a time, opened again whenever it broke or went silent. */
export interface RedisConnection {
  /** @throws Error at once while there is no connection; later when it breaks, or Redis refuses */
  send(args: readonly string[]): Promise<unknown>
  /** Ends this connection and opens another one: what comes on it cannot be trusted. */
  renew(why: string): void
  /** What is wrong with it; undefined while it is open. */
  fault(): string | undefined
  stop(): void
}

/** Commands on their way; beyond them is refused at once. */
const mostCommands = 4_096
const retryMs = [50, 100, 200, 500, 1_000, 2_000] as const

/** @param onOpened called for each connection before any command can be sent over it */
export function openConnection(
  address: RedisAddress,
  parts: { clock: Clock; log: Logger; silenceMs: number; onOpened: () => void },
): RedisConnection {
  const { clock, log, silenceMs, onOpened } = parts
  let current: RedisClient | undefined
  const ended = new WeakSet<RedisClient>()
  let stopped = false
  let failures = 0
  let lastFault: string | undefined
  let cancelRetry: (() => void) | undefined

  async function open(): Promise<void> {
    let client: RedisClient | undefined
    try {
      client = createClient(await optionsOf(address))
      const mine = client
      // Whatever goes wrong on a connection ends it: after an answer that was not understood the next ones may be others'.
      mine.on('error', error => lost(mine, error))
      await mine.connect()
      if (stopped) return mine.destroy()
      if (ended.has(mine)) return
      lastFault = undefined
      onOpened()
      current = mine
      log.info('connected to Redis')
    } catch (error) {
      lost(client, error)
    }
  }

  function lost(client: RedisClient | undefined, error: unknown): void {
    if (client) {
      if (ended.has(client)) return
      ended.add(client)
      client.destroy()
    }
    if (current === client) current = undefined
    if (stopped) return
    const told = error instanceof Error ? error.message : 'unknown'
    if (told !== lastFault) log.warn({ err: error }, 'no connection to Redis, trying again')
    lastFault = told
    cancelRetry = clock.after(retryMs[Math.min(failures++, retryMs.length - 1)] ?? 0, () => void open())
  }

  let waiting = 0
  let heardAt = 0
  let cancelWatch: (() => void) | undefined

  /** Answers come in order: when nothing at all came for so long, nothing will. */
  function watch(): void {
    cancelWatch = clock.after(silenceMs, () => {
      cancelWatch = undefined
      // Whoever waited on a connection that is gone has been told.
      if (waiting === 0 || !current) return
      if (clock.now() - heardAt >= silenceMs) lost(current, new Error('Redis does not answer'))
      else watch()
    })
  }

  async function hear<T>(answer: Promise<T>): Promise<T> {
    if (waiting++ === 0) heardAt = clock.now()
    if (!cancelWatch) watch()
    try {
      const heard = await answer
      failures = 0
      return heard
    } finally {
      waiting--
      heardAt = clock.now()
    }
  }

  void open()
  return {
    async send(args) {
      if (!current) throw new Error('there is no connection to Redis')
      return hear(current.sendCommand([...args]))
    },
    fault: () => (current ? undefined : lastFault),
    renew(why) {
      if (current) lost(current, new Error(why))
    },
    stop() {
      stopped = true
      cancelRetry?.()
      cancelWatch?.()
      lost(current, undefined)
    },
  }
}

type RedisClient = ReturnType<typeof createClient<Record<never, never>, Record<never, never>, Record<never, never>, 2>>

async function optionsOf({ url, credentials, caFile }: RedisAddress) {
  const { hostname, protocol } = new URL(url)
  const [account, ca] = await Promise.all([
    credentials === undefined ? {} : readCredentials(credentials),
    caFile === undefined ? undefined : readFile(caFile, 'utf8'),
  ])
  const tls = {
    tls: true as const,
    minVersion: 'TLSv1.2' as const,
    ...(ca !== undefined && { ca }),
    ...(isIP(hostname) === 0 && { servername: hostname }),
  }
  return {
    url,
    ...account,
    RESP: 2 as const,
    // Nothing waits for a connection: who asks meanwhile is told at once.
    disableOfflineQueue: true,
    commandsQueueMaxLength: mostCommands,
    // Commands that an ACL user would need besides.
    disableClientInfo: true,
    maintNotifications: 'disabled' as const,
    socket: { connectTimeout: 5_000, reconnectStrategy: false as const, ...(protocol === 'rediss:' && tls) },
  }
}

async function readCredentials(folder: string): Promise<{ username?: string; password: string }> {
  const password = (await readFile(join(folder, 'password'), 'utf8')).trim()
  // The client would leave the authentication out, and Redis refuse everything for as long as the connection lasts.
  if (password === '') throw new Error('the file of the password is empty')
  const username = (await readFile(join(folder, 'username'), 'utf8').catch(unlessAbsent)).trim()
  return { password, ...(username !== '' && { username }) }
}

function unlessAbsent(error: unknown): string {
  if ((error as { code?: unknown }).code === 'ENOENT') return ''
  throw error
}
