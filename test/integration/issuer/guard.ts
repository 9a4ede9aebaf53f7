import type { ClientRequest, IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { createInterface } from 'node:readline'
import type { Frame, Held, Seen } from '../../../core/rows/frames.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { createSnapshotBuilder, type SnapshotBuilder } from '../../../core/snapshot/snapshot.ts'

export interface GuardOptions {
  readonly port: number
  readonly ca: string
  readonly token: string
  readonly slice: string
  readonly seen?: Seen
  readonly hash?: string
  /** Of its hello, whatever it is; default none. */
  readonly features?: unknown
  /** The largest slice it takes, as it says. */
  readonly maxBytes?: number
  /** What the guard holds from an earlier stream. */
  readonly builder?: SnapshotBuilder
}

/** A guard as small as it can be: it applies what comes, checks every hash, and says what it holds. */
export interface Guard {
  readonly status: number
  readonly frames: readonly Frame[]
  /** Frames with the time they came at, in performance.now() milliseconds. */
  readonly arrivals: readonly number[]
  readonly builder: SnapshotBuilder
  seen(): Seen | undefined
  /** The first frame, from here on or before, that fits. */
  until(fits: (frame: Frame) => boolean, withinMs?: number): Promise<Frame>
  rows(): Row[]
  /** Sends what it holds, and this besides. */
  tell(more: Omit<Held['held'], 'hash'>): void
  ended: Promise<void>
  close(): void
}

export async function connectGuard(options: GuardOptions): Promise<Guard> {
  const { port, ca, token, slice, seen, hash, features, maxBytes, builder = createSnapshotBuilder() } = options
  const call = request({
    host: '127.0.0.1',
    port,
    servername: 'issuer.test',
    ca,
    method: 'POST',
    path: '/v1/snapshots',
    agent: false,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/x-ndjson' },
  })
  call.setNoDelay(true)
  call.flushHeaders()
  const hello = {
    slice,
    version: 'test',
    features,
    maxBytes,
    ...(seen && { seen }),
    ...(hash !== undefined && { hash }),
  }
  call.write(`${JSON.stringify({ hello })}\n`)
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    call.on('response', resolve).on('error', reject)
  })
  return follow(call, response, builder)
}

function follow(call: ClientRequest, response: IncomingMessage, builder: SnapshotBuilder): Guard {
  const frames: Frame[] = []
  const arrivals: number[] = []
  const waiting = new Set<() => void>()
  let last: Seen | undefined
  call.on('error', () => {})
  response.on('error', () => {})
  const lines = createInterface({ input: response })
  const ended = new Promise<void>(resolve => lines.on('close', resolve))
  lines.on('line', text => {
    const frame = JSON.parse(text) as Frame
    if ('full' in frame || 'delta' in frame) {
      if (builder.apply(frame) !== 'applied') throw new Error('the hash of a frame does not fit its rows')
      call.write(`${JSON.stringify({ held: { hash: builder.hash() } })}\n`)
    }
    if ('seen' in frame) last = frame.seen
    frames.push(frame)
    arrivals.push(performance.now())
    for (const look of waiting) look()
  })
  return {
    status: response.statusCode ?? 0,
    frames,
    arrivals,
    builder,
    seen: () => last,
    rows: () => builder.rows(),
    tell: more => void call.write(`${JSON.stringify({ held: { hash: builder.hash(), ...more } })}\n`),
    ended,
    until: (fits, withinMs = 5_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(
            new Error(
              `no such frame within ${withinMs} ms; the last ones: ${JSON.stringify(frames.slice(-3)).slice(0, 600)}`,
            ),
          )
        }, withinMs)
        const look = (): void => {
          const found = frames.find(fits)
          if (!found) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    close() {
      lines.close()
      call.destroy()
    },
  }
}
