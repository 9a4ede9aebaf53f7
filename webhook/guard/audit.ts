import { close, open, write } from 'node:fs'
import type { AuditEntry } from '../../core/audit/audit-entry.ts'
import type { Logger } from '../../platform/log.ts'
import { auditLine } from './audit-line.ts'
import { maxWaiting, type OnBlock, refuseFrom } from './while-recorded.ts'

export interface Audit {
  record(entry: AuditEntry): void
  /** Whether lines of new calls would find no room, or the last write failed. */
  isBlocked(): boolean
  /** Writes out what waits, for at most `ms`. */
  flush(ms: number): Promise<void>
}

/** How long lines wait for others: a write goes through another thread, which costs more than many lines. */
const batchMs = 10

/**
 * Writes one JSON object per line, in batches, never on the request's time: a sink that blocks, fails or is full
 * costs lines, which are counted, and no request waits for it. With `Deny` what could not be written is tried again.
 * @param sink a file that is appended to, `-` for stdout
 * @throws Error when the file cannot be opened
 */
export async function createAudit(options: {
  sink: string
  onBlock?: OnBlock
  onDropped(lines: number): void
  log: Logger
}): Promise<Audit> {
  const { sink, onBlock = 'Count', onDropped, log } = options
  const descriptor = sink === '-' ? 1 : await opened(sink)
  let waiting: string[] = []
  let characters = 0
  let busy = false
  let failing = false

  function record(entry: AuditEntry): void {
    const line = auditLine(entry)
    if (characters + line.length > maxWaiting) return void onDropped(1)
    waiting.push(line)
    characters += line.length
    if (!busy) {
      busy = true
      setTimeout(next, batchMs)
    }
  }

  function next(): void {
    if (waiting.length === 0) {
      busy = false
      return
    }
    const lines = waiting
    waiting = []
    characters = 0
    send(Buffer.from(lines.join('')), 0, lines.length)
  }

  function send(bytes: Buffer, from: number, lines: number): void {
    write(descriptor, bytes, from, bytes.length - from, null, (error, written) => {
      if (error?.code === 'EAGAIN') return void setTimeout(send, 10, bytes, from, lines)
      if (error) {
        if (!failing) log.error({ err: error, onBlock }, 'audit lines cannot be written')
        failing = true
        if (onBlock === 'Deny') return void setTimeout(send, 100, bytes, from, lines)
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
    isBlocked: () => failing || characters >= refuseFrom,
    async flush(ms) {
      const until = performance.now() + ms
      while (busy && performance.now() < until) await new Promise(resolve => setTimeout(resolve, 5))
      if (descriptor !== 1) close(descriptor, () => {})
    },
  }
}

function opened(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, 'a', 0o640, (error, descriptor) => (error ? reject(error) : resolve(descriptor)))
  })
}
