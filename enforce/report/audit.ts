import { close, open, write as writeBytes } from 'node:fs'
import { open as openFile, stat } from 'node:fs/promises'
import type { AuditEntry } from '../../core/audit/audit-entry.ts'
import type { Logger } from '../../platform/log.ts'
import { maxWaiting, type OnBlock, refuseFrom } from './while-recorded.ts'

export interface Audit {
  record(entry: AuditEntry): void
  /** Whether lines of new calls would find no room, or the last write failed. */
  isBlocked(): boolean
  /** Writes out what waits, for at most `ms`. */
  flush(ms: number): Promise<void>
}

/** Enough for what a busy guard says between two writes. */
const pageBytes = 262_144
/** Bytes of a character at most. */
const widest = 3
const lineEnd = 0x0a

/** How long lines wait for others: a write goes through another thread, which costs more than many lines. */
const batchMs = 10

/**
 * Writes one JSON object per line, in batches, never on the request's time: a sink that blocks, fails or is full
 * costs lines, which are counted, and no request waits for it. With `Deny` what could not be written is tried again. A
 * line that was cut short is one of the lost ones, and what follows it begins on a line of its own.
 * @param sink a file that is appended to, `-` for stdout
 * @throws Error when the file cannot be opened
 */
export async function createAudit(options: {
  sink: string
  onBlock?: OnBlock
  onDropped(lines: number): void
  log: Logger
  write?: typeof writeBytes
}): Promise<Audit> {
  const { sink, onBlock = 'Count', onDropped, log, write = writeBytes } = options
  const descriptor = sink === '-' ? 1 : await opened(sink)
  let torn = sink !== '-' && (await endsInLine(sink))
  // Lines go into memory that is there already: made as strings and buffers they would be half of a guard's garbage.
  let waiting = Buffer.allocUnsafeSlow(pageBytes)
  let spare = Buffer.allocUnsafeSlow(pageBytes)
  let bytes = 0
  let busy = false
  let failing = false

  function record(entry: AuditEntry): void {
    const line = JSON.stringify(entry)
    const needed = bytes + line.length * widest + 1
    if (needed > maxWaiting) return void onDropped(1)
    if (needed > waiting.length) waiting = grown(waiting, bytes, needed)
    bytes += waiting.write(line, bytes)
    waiting[bytes++] = lineEnd
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
    const [page, full] = [waiting, bytes]
    waiting = spare.length > pageBytes ? Buffer.allocUnsafeSlow(pageBytes) : spare
    spare = page
    bytes = 0
    const whole = page.subarray(0, full)
    if (torn) send(Buffer.concat([newLine, whole]), 0)
    else send(whole, 0)
  }

  function send(bytes: Buffer, from: number): void {
    write(descriptor, bytes, from, bytes.length - from, null, (error, written) => {
      if (error?.code === 'EAGAIN') return void setTimeout(send, 10, bytes, from)
      if (error) {
        if (!failing) log.error({ err: error, onBlock }, 'audit lines cannot be written')
        failing = true
        if (onBlock === 'Deny') return void setTimeout(send, 100, bytes, from)
        onDropped(linesFrom(bytes, from))
        return void setTimeout(next, 100)
      }
      failing = false
      const upTo = from + written
      if (upTo > 0) torn = bytes[upTo - 1] !== lineEnd
      if (upTo < bytes.length) return send(bytes, upTo)
      setTimeout(next, batchMs)
    })
  }

  return {
    record,
    isBlocked: () => failing || bytes >= refuseFrom,
    async flush(ms) {
      const until = performance.now() + ms
      while (busy && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 5))
      if (descriptor !== 1) close(descriptor, () => {})
    },
  }
}

const newLine = Buffer.of(lineEnd)

/** Lines of which something is missing: what was written already is not lost. An empty first line is none. */
function linesFrom(bytes: Buffer, from: number): number {
  let lines = 0
  for (let at = bytes.indexOf(lineEnd, from); at !== -1; at = bytes.indexOf(lineEnd, at + 1)) if (at > 0) lines++
  return lines
}

/** Whether a file that was left by an earlier run ends in the middle of a line. */
async function endsInLine(path: string): Promise<boolean> {
  const found = await stat(path)
  if (!found.isFile() || found.size === 0) return false
  const file = await openFile(path, 'r').catch(() => undefined)
  const last = await file?.read(Buffer.alloc(1), 0, 1, found.size - 1)
  await file?.close()
  return last?.bytesRead === 1 && last.buffer[0] !== lineEnd
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
