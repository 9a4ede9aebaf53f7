import type { UpstreamFault } from '../../enforce/respond.ts'
import type { Body } from '../../platform/wire/body.ts'
import type { Sender } from '../../platform/wire/connection/outbox.ts'
import type { AnswerHead } from '../../platform/wire/read-answer.ts'
import type { ReadBefore } from '../../platform/wire/read-before.ts'

/**
 * Who asked the app, and is told what it answers. One for each connection of a caller of HTTP/1.1, not one for each
 * request; one for each stream of HTTP/2.
 */
export interface UpstreamHandler {
  /** The caller's: connections to the app are shared out between peers. */
  readonly peer: string
  /** There is a connection for the request that waited for one. */
  onUpstream(upstream: Upstream): void
  onAnswer(answer: AnswerHead): void
  /** `bytes` are good until this returns; whoever keeps them copies them. */
  onData(bytes: Buffer, from: number, to: number): void
  /** After the last piece of one read. @returns false when the app should wait */
  onPause(): boolean
  /** @param trailers lines of the fields behind a body in chunks, each with its line end */
  onEnd(trailers: string): void
  onFault(fault: UpstreamFault): void
  /** A kept connection ended before an answer began, and the request may be sent once more, on a new one. */
  onLost(request: string): void
  /** The app switched to the protocol that was asked for: the connection is the handler's from now on. */
  onSwitch(answer: AnswerHead, link: Upstream, firstBytes: Buffer): void
  /** The head of the request was written: its body follows. */
  onReady(): void
  /** The app takes more of the request's body. */
  onDrain(): void
  /** The app takes nothing more of it: the rest is thrown away. */
  onEnough(): void
}

/** One connection to the app. It serves one request at a time. */
export interface Upstream extends Sender {
  /** The request, or its head, that goes out at the end of the turn, one character per byte. */
  out: string
  /** The head of the answer before this one. */
  readonly before: ReadBefore<AnswerHead>
  handler: UpstreamHandler | undefined
  method: string
  /** The whole request, until an answer begins, when it could be sent again; else empty. */
  request: string
  /** Whether the request has a body. */
  hasBody: boolean
  /** Whether the app was told that the connection ends with this request. */
  isLast: boolean
  /** Ticks that the connection was idle before this request; less than 0: it is new. */
  idleFor: number
  /** Whether a byte came since the request was put on it. */
  heard: boolean
  /** Whether the app may be about to close it without having said so. */
  doubtful: boolean
  /** Whether the request asked for another protocol. */
  asksSwitch: boolean
  /** Whether the whole request was handed over. */
  sent: boolean
  /** Whether written parts of its body wait for the end of the turn. */
  corked: boolean
  /** Whether nothing more of it is sent. */
  stopped: boolean
  /** Whether the connection is read on after a write that failed. */
  readsOn: boolean
  connected: boolean
  /** Bytes of a head whose end has not come yet. */
  pending: Buffer | undefined
  answer: AnswerHead | undefined
  body: Body | undefined
  /** Tick of the last sign of life. */
  since: number
  /** Tick at which its request first asked for a connection. */
  askedAt: number
  /** Ticks that it may be idle; less than 0: not kept. */
  idleTicks: number
  hints: number
  /** Takes all bytes once the connection is a tunnel. */
  tunnel: ((bytes: Buffer) => void) | undefined
}

export interface UpstreamOwner {
  tick(): number
  /** The answer is over and the connection can serve another request, unless it is doubtful at once. */
  onIdle(upstream: Upstream): void
  /** The connection belongs to its handler from now on. */
  onTunnel(upstream: Upstream): void
  /** How long a connection is kept when the app says so many seconds, ticks. */
  idleTicks(seconds: number | undefined): number
}
