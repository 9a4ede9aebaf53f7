import { open, readFile } from 'node:fs/promises'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'

/** Looks for listeners beyond loopback in this pod: whoever reaches one goes around the guard. */
export interface Exposure {
  /** `address:port`, sorted; empty when there is none, or before the first look. */
  exposed(): readonly string[]
  /** Looks now. @returns as `exposed` */
  look(): Promise<readonly string[]>
  start(): void
  stop(): void
}

const listening = '0A'

/**
 * Reads one table of the kernel: `/proc/net/tcp` or `/proc/net/tcp6`.
 * @returns `address:port` of each listener that is not on loopback
 * @see Linux, Documentation/networking/proc_net_tcp.rst
 */
export function listenersIn(table: string): { address: string; port: number }[] {
  const found: { address: string; port: number }[] = []
  for (const line of table.split('\n').slice(1)) {
    const [, local, , state] = line.trim().split(/\s+/)
    const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local ?? '')
    if (!match || state !== listening) continue
    const [, hex, port] = match as unknown as [string, string, string]
    const address = hex.length === 8 ? readV4(hex) : readV6(hex)
    if (address !== undefined) found.push({ address, port: Number.parseInt(port, 16) })
  }
  return found
}

const pieceBytes = 65_536

/**
 * The lines of such a table that may be listeners, its heading first. Read in pieces: on a busy pod the table has as many
 * lines as there were connections in the last minute, megabytes of them, and calls must not wait for that.
 * @returns an empty text when there is no such table
 */
async function listeningLines(path: string): Promise<string> {
  const file = await open(path).catch(() => undefined)
  if (!file) return ''
  const piece = Buffer.allocUnsafe(pieceBytes)
  const found = ['heading']
  let rest = ''
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, pieceBytes, null)
      if (bytesRead === 0) break
      const text = rest + piece.toString('latin1', 0, bytesRead)
      const end = text.lastIndexOf('\n') + 1
      rest = text.slice(end)
      for (let at = text.indexOf(` ${listening} `); at !== -1 && at < end; ) {
        const lineEnd = text.indexOf('\n', at)
        found.push(text.slice(text.lastIndexOf('\n', at) + 1, lineEnd))
        at = text.indexOf(` ${listening} `, lineEnd)
      }
    }
  } finally {
    await file.close()
  }
  return [...found, rest].join('\n')
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

/** The kernel prints words of 32 bits in the machine's order: little-endian on all machines this runs on. */
function bytesOf(word: string): number[] {
  return (word.match(/../g) ?? []).reverse().map(byte => Number.parseInt(byte, 16))
}

function readV4(word: string): string | undefined {
  const bytes = bytesOf(word)
  return bytes[0] === 127 ? undefined : bytes.join('.')
}

function readV6(hex: string): string | undefined {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap(bytesOf)
  const zeros = bytes.findIndex(byte => byte !== 0)
  if (zeros === 15 && bytes[15] === 1) return undefined
  if (zeros === -1) return '[::]'
  const mapped = zeros === 10 && bytes[10] === 0xff && bytes[11] === 0xff
  if (mapped) return bytes[12] === 127 ? undefined : bytes.slice(12).join('.')
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[at * 2] ?? 0) * 256 + (bytes[at * 2 + 1] ?? 0)).toString(16),
  )
  return `[${groups.join(':')}]`
}

/** How old what was read may be while the number of sockets is the same. */
const tablesAtLeastMs = 14_000

export function createExposure(options: {
  /** Folder that holds `tcp` and `tcp6`. */
  procNet: string
  /** The guard's own. */
  ownPorts: readonly number[]
  /** Those the pod's author wants open. */
  openPorts: readonly number[]
  onChange(exposed: readonly string[]): void
  clock: Clock
  log: Logger
  intervalMs?: number
}): Exposure {
  const { procNet, ownPorts, openPorts, onChange, clock, log, intervalMs = 5_000 } = options
  const ignored = new Set([...ownPorts, ...openPorts])
  let exposed: readonly string[] = []
  let cancel: (() => void) | undefined
  let stopped = false
  let socketsBefore: string | undefined
  let readAt = 0

  async function look(): Promise<readonly string[]> {
    const sockets = await socketsInUse(procNet)
    const isSame = sockets !== undefined && sockets === socketsBefore
    // One socket may have come for another one that went: so the tables are read now and then all the same.
    if (isSame && clock.now() - readAt < tablesAtLeastMs) return exposed
    socketsBefore = sockets
    readAt = clock.now()
    const tables = await Promise.all(['tcp', 'tcp6'].map(name => listeningLines(`${procNet}/${name}`)))
    const listeners = tables.flatMap(listenersIn).filter(({ port }) => !ignored.has(port))
    const now = [...new Set(listeners.map(({ address, port }) => `${address}:${port}`))].sort()
    if (now.join() !== exposed.join()) {
      exposed = now
      if (now.length > 0) {
        log.warn({ exposed: now }, 'the pod listens beyond loopback: callers can go around the guard')
      }
      onChange(now)
    }
    return exposed
  }

  async function lookOn(): Promise<void> {
    await look()
    if (!stopped) cancel = clock.after(intervalMs, () => void lookOn())
  }

  return {
    exposed: () => exposed,
    look,
    start: () => void lookOn(),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}
