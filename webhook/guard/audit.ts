import { close, open, write } from 'node:fs'
import type { Logger } from '../../platform/log.ts'

/** One decision, as it is written: nothing here can be a token, a query or a raw header. */
export interface AuditEntry {
  readonly time: string
  readonly decision: 'allow' | 'deny'
  readonly reason: string
  /** Audit mode let through what would have been denied. */
  readonly wouldDeny?: true | undefined
  readonly rule?: string | undefined
  readonly grant?: string | undefined
  readonly revision: string
  readonly client?: string | undefined
  readonly clientId?: string | undefined
  readonly key?: string | undefined
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly method?: string | undefined
  readonly route?: string | undefined
  /** Without the query, which may hold secrets; cut at 1,024 characters. */
  readonly path?: string | undefined
  readonly service: string
  readonly requestId: string
  readonly peer: string
  /** Absent when no answer could be sent. */
  readonly status?: number | undefined
  /** Until the head of the answer. */
  readonly durationMs: number
  /** A tunnel that was open and was closed by this decision. */
  readonly event?: 'tunnel_closed' | undefined
}

export interface Audit {
  record(entry: AuditEntry): void
  /** Writes out what waits, for at most `ms`. */
  flush(ms: number): Promise<void>
}

/** Lines that wait while the sink is slow, in bytes. Beyond it lines are dropped and counted. */
const maxWaiting = 8 * 1024 * 1024
/** Enough for what a busy guard says between two writes. */
const pageBytes = 262_144
/** Bytes of a character at most. */
const widest = 3
const lineEnd = 0x0a

/** How long lines wait for others: a write goes through another thread, which costs more than many lines. */
const batchMs = 10

/**
 * Writes one JSON object per line, in batches, never on the request's time: a sink that blocks, fails or is full
 * costs lines, which are counted, and no request waits for it.
 * @param sink a file that is appended to, `-` for stdout
 * @throws Error when the file cannot be opened
 */
export async function createAudit(options: {
  sink: string
  onDropped(lines: number): void
  log: Logger
}): Promise<Audit> {
  const { sink, onDropped, log } = options
  const descriptor = sink === '-' ? 1 : await opened(sink)
  // Lines go into memory that is there already: made as strings and buffers they would be half of a guard's garbage.
  let waiting = Buffer.allocUnsafeSlow(pageBytes)
  let spare = Buffer.allocUnsafeSlow(pageBytes)
  let bytes = 0
  let lines = 0
  let busy = false
  let failing = false

  function record(entry: AuditEntry): void {
    const line = JSON.stringify(entry)
    const needed = bytes + line.length * widest + 1
    if (needed > maxWaiting) return void onDropped(1)
    if (needed > waiting.length) waiting = grown(waiting, bytes, needed)
    bytes += waiting.write(line, bytes)
    waiting[bytes++] = lineEnd
    lines++
    if (!busy) {
      busy = true
      setTimeout(next, batchMs)
    }
  }

  function next(): void {
    if (bytes === 0) {
      busy = false
      return
    }
    const [page, full, held] = [waiting, bytes, lines]
    waiting = spare.length > pageBytes ? Buffer.allocUnsafeSlow(pageBytes) : spare
    spare = page
    bytes = 0
    lines = 0
    send(page.subarray(0, full), 0, held)
  }

  function send(bytes: Buffer, from: number, lines: number): void {
    write(descriptor, bytes, from, bytes.length - from, null, (error, written) => {
      if (error?.code === 'EAGAIN') return void setTimeout(send, 10, bytes, from, lines)
      if (error) {
        if (!failing) log.error({ err: error }, 'audit lines cannot be written and are dropped')
        failing = true
        onDropped(lines)
        return void setTimeout(next, 100)
      }
      failing = false
      if (from + written < bytes.length) return send(bytes, from + written, lines)
      setTimeout(next, batchMs)
    })
  }

  return {
    record,
    async flush(ms) {
      const until = performance.now() + ms
      while (busy && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 5))
      if (descriptor !== 1) close(descriptor, () => {})
    },
  }
}

function grown(page: Buffer, used: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(Math.min(maxWaiting, Math.max(needed, page.length * 2)))
  page.copy(larger, 0, 0, used)
  return larger
}

function opened(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, 'a', 0o640, (error, descriptor) => (error ? reject(error) : resolve(descriptor)))
  })
}
