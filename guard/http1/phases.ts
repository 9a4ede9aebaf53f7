import type { Upstream } from '../upstream/state.ts'
import type { CallerConnection, Exchange, Phase } from './caller-state.ts'

/*
 * Every step of a connection from one phase to the next. No other file writes `phase`, or what begins and ends with one:
 *
 *   head ─ awaitProof ─▶ proof ─ endProof ─▶ head
 *   head ─ beginExchange ─▶ answer ─ awaitBody ─▶ body ─ endBody ─▶ answer ─ endExchange, awaitHead ─▶ head
 *   answer, head ─ enterTunnel ─▶ tunnel
 *   head, body, answer, tunnel ─ linger ─▶ linger
 *   any ─ close ─▶ closed
 */

/** What is closed stays closed, whatever was under way when that happened. */
function enter(caller: CallerConnection, phase: Phase): void {
  if (caller.phase !== 'closed') caller.phase = phase
}

/** The token in its head waits to be proved. */
export function awaitProof(caller: CallerConnection): void {
  enter(caller, 'proof')
}

/** It is proved or not: the head goes on to its verdict. */
export function endProof(caller: CallerConnection): void {
  enter(caller, 'head')
}

/** A request is let in. What comes behind its head waits until there is a connection to the app. */
export function beginExchange(caller: CallerConnection, exchange: Exchange): void {
  caller.exchange = exchange
  enter(caller, 'answer')
}

/** The app has its head: the body follows. */
export function awaitBody(caller: CallerConnection): void {
  enter(caller, 'body')
  noteSign(caller)
}

/** The whole request is with the app. */
export function endBody(caller: CallerConnection, exchange: Exchange): void {
  exchange.sent = true
  enter(caller, 'answer')
}

/** The app takes nothing more of the body: the connection ends with the answer. */
export function cutBody(caller: CallerConnection): void {
  enter(caller, 'answer')
}

/** Its answer is over, or nobody waits for it any more. */
export function endExchange(caller: CallerConnection): void {
  caller.exchange = undefined
}

/** The connection is ready for its next request. */
export function awaitHead(caller: CallerConnection): void {
  enter(caller, 'head')
  caller.served++
  caller.since = caller.listener.tick
  caller.pipelined = caller.pending !== undefined
}

/**
 * All that comes from now on is somebody else's.
 * @param take takes it
 * @param link the connection to the app, when it is the app's
 */
export function enterTunnel(
  caller: CallerConnection,
  take: CallerConnection['tunnel'],
  link: Upstream | undefined,
): void {
  enter(caller, 'tunnel')
  caller.exchange = undefined
  caller.tunnel = take
  caller.link = link
}

/** The last bytes are on their way; what still comes is thrown away. */
export function linger(caller: CallerConnection): void {
  enter(caller, 'linger')
  caller.since = caller.listener.tick
}

export function close(caller: CallerConnection): void {
  caller.phase = 'closed'
}

/** A sign of life: times that run for this phase begin anew. */
export function noteSign(caller: CallerConnection): void {
  caller.since = caller.listener.tick
  caller.progress = 0
}

/** So many bytes of a body came. @param least how many are a sign of life */
export function noteProgress(caller: CallerConnection, length: number, least: number): void {
  caller.progress += length
  if (caller.progress >= least) noteSign(caller)
}

/** Nothing more comes: from the caller, or through its tunnel from the app. */
export function noteEnd(caller: CallerConnection): void {
  caller.endedSince = caller.listener.tick
}
