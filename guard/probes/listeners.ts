import { open } from 'node:fs/promises'

/** A socket that listens, of whatever process of the pod. */
export interface Listener {
  readonly address: string
  readonly port: number
  /** Nobody outside the pod reaches it. */
  readonly loopback: boolean
}

const listening = '0A'

/**
 * Reads one table of the kernel: `/proc/net/tcp` or `/proc/net/tcp6`.
 * @see Linux, Documentation/networking/proc_net_tcp.rst
 */
export function listenersIn(table: string): Listener[] {
  const found: Listener[] = []
  for (const line of table.split('\n').slice(1)) {
    const [, local, , state] = line.trim().split(/\s+/)
    const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local ?? '')
    if (!match || state !== listening) continue
    const [, hex, port] = match as unknown as [string, string, string]
    found.push({ ...(hex.length === 8 ? readV4(hex) : readV6(hex)), port: Number.parseInt(port, 16) })
  }
  return found
}

/** Whether a connection to 127.0.0.1 comes to it. Of `[::]` it is taken to: only the process knows better. */
export function takesLoopback({ address }: Listener): boolean {
  return address === '127.0.0.1' || address === '0.0.0.0' || address === '[::]'
}

const pieceBytes = 65_536

/**
 * The lines of such a table that may be listeners, its heading first. Read in pieces: on a busy pod the table has as many
 * lines as there were connections in the last minute, megabytes of them, and calls must not wait for that.
 * @returns an empty text when there is no such table
 */
export async function listeningLines(path: string): Promise<string> {
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

/** The kernel prints words of 32 bits in the machine's order: little-endian on all machines this runs on. */
function bytesOf(word: string): number[] {
  return (word.match(/../g) ?? []).reverse().map(byte => Number.parseInt(byte, 16))
}

function readV4(word: string): Omit<Listener, 'port'> {
  return v4(bytesOf(word))
}

function v4(bytes: readonly number[]): Omit<Listener, 'port'> {
  return { address: bytes.join('.'), loopback: bytes[0] === 127 }
}

function readV6(hex: string): Omit<Listener, 'port'> {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap(bytesOf)
  const zeros = bytes.findIndex(byte => byte !== 0)
  if (zeros === 15 && bytes[15] === 1) return { address: '[::1]', loopback: true }
  if (zeros === -1) return { address: '[::]', loopback: false }
  if (zeros === 10 && bytes[10] === 0xff && bytes[11] === 0xff) return v4(bytes.slice(12))
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((bytes[at * 2] ?? 0) * 256 + (bytes[at * 2 + 1] ?? 0)).toString(16),
  )
  return { address: `[${groups.join(':')}]`, loopback: false }
}
