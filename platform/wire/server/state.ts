import type { Socket } from 'node:net'
import type { Clock } from '../../clock.ts'
import type { Budget, Place } from '../../fair/budget.ts'
import type { Connection } from '../../http/connections.ts'
import type { HttpLimits } from '../../http/limits.ts'
import type { Logger } from '../../log.ts'
import type { Body } from '../body.ts'
import type { Outbox, Sender } from '../connection/outbox.ts'
import type { PlainHead } from '../read-plain-head.ts'

/** A request that is answered from its head alone: its body is thrown away as it comes. */
export interface HeadRequest {
  readonly head: PlainHead
  /** Behind TLS it knows its peer's certificate. */
  readonly socket: Socket
  /** The peer has proved who it is: from here on its connection takes none of the places of strangers. */
  prove(): void
  /** Nobody waits for the answer any more. */
  isGone(): boolean
}

export interface HeadAnswer {
  readonly status: number
  /** Flat name, value pairs, the length of the body among them. */
  readonly headers: readonly string[]
  readonly body: string
}

/** At once, or when the answer is known; undefined where nobody waits for it any more. */
export type HeadHandler = (request: HeadRequest) => HeadAnswer | Promise<HeadAnswer | undefined>

/** What all connections of one server share. */
export interface ServerContext {
  readonly handler: HeadHandler
  readonly limits: HttpLimits
  /** Bytes of answers that nobody read yet. */
  readonly answers: Budget
  readonly outbox: Outbox
  readonly clients: Set<ClientConnection>
  readonly clock: Clock
  readonly log: Logger
  /** Serves on, but every answer says that its connection ends. */
  draining: boolean
}

/**
 * Where a connection stands: between requests or in a head; in a request, whose answer or body is still to come; ended, while
 * the last bytes are on their way; gone.
 */
export type Phase = 'head' | 'request' | 'end' | 'closed'

/** One connection of a client. It has one request at a time: what comes behind it waits. */
export interface ClientConnection extends Sender {
  readonly context: ServerContext
  readonly admitted: Connection
  phase: Phase
  /** The request whose answer is still to be given. */
  waiting: PlainHead | undefined
  /** What of the request's body is still to come. */
  body: Body | undefined
  /** Since when the request is there, and whether its sender takes another answer behind its own. */
  startedMs: number
  keepsOpen: boolean
  /** Bytes that are not yet taken, and how many of them were looked at and are no whole head. */
  pending: Buffer | undefined
  looked: number
  /** Text that goes out with the next flush, one character per byte, and how many answers are in it. */
  out: string
  unsent: number
  /** Since when the client reads nothing, or undefined; and the place of what it did not read. */
  unreadMs: number | undefined
  unread: Place | undefined
  /** Since when it sends nothing more. */
  endedMs: number | undefined
}

/*
 * Every step of a connection from one phase to the next. No other file writes `phase`, or what begins and ends with one:
 *
 *   head ─ beginRequest ─▶ request ─ awaitHead ─▶ head
 *   head, request ─ endConnection ─▶ end
 *   any ─ close ─▶ closed
 */

/** A head came whole: its answer is to be given, and its body to come. */
export function beginRequest(client: ClientConnection, head: PlainHead, body: Body | undefined): void {
  client.phase = 'request'
  client.waiting = head
  client.body = body
  client.startedMs = client.context.clock.now()
  client.keepsOpen = head.keepsOpen
  client.admitted.served = true
  client.admitted.headSince = undefined
}

/** The answer is given, and the body has come: the next head may. */
export function awaitHead(client: ClientConnection): void {
  client.phase = 'head'
  client.admitted.since = client.context.clock.now()
}

/** Nothing more is taken of it; it closes when what is written was sent. */
export function endConnection(client: ClientConnection): void {
  if (client.phase === 'closed') return
  client.phase = 'end'
  client.waiting = undefined
  client.pending = undefined
  client.context.outbox.add(client)
}

export function close(client: ClientConnection): void {
  client.phase = 'closed'
  client.waiting = undefined
  client.pending = undefined
  if (client.unread) client.context.answers.leave(client.unread)
}
