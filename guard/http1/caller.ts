import type { Socket } from 'node:net'
import type { Accepted } from '../../platform/wire/accepted.ts'
import { free, joined, kept, partOf } from '../../platform/wire/connection/kept-bytes.ts'
import type { OnRead } from '../../platform/wire/connection/reading.ts'
import { nothingBefore } from '../../platform/wire/read-before.ts'
import { fault } from '../../platform/wire/read-request.ts'
import type { UpstreamHandler } from '../upstream/state.ts'
import { addData, beginAnswer, endAnswer, failAnswer } from './answer.ts'
import { dropBody, sendBody, takeBody } from './body.ts'
import type { CallerConnection, Exchange, ListenerContext } from './caller-state.ts'
import { takeHead } from './head.ts'
import { holdFor, keepBytes, takeKept } from './holding.ts'
import { close, noteEnd, noteSign } from './phases.ts'
import { refuseBytes, refuseTurn } from './refuse.ts'
import { abort, sendAgain, sendOn } from './request.ts'
import { openTunnel } from './tunnel.ts'
import { flush, noteRead } from './write.ts'

/** What may wait behind a running request before the caller has to wait too. */
const maxAheadBytes = 16_384
/** Requests that are taken one after the other before others have their turn. */
const maxInARow = 16
/** What is read and thrown away of a connection that was ended; the rest stays in the kernel until it is closed. */
const maxLingerBytes = 65_536
const brokenOff = fault('The request ended before its head did.')

/**
 * Serves a connection until it ends.
 * @param open makes the socket whose bytes are given to the function
 */
export function serveCaller(listener: ListenerContext, accepted: Accepted, open: (onRead: OnRead) => Socket): void {
  const socket = open((length, bytes) => {
    try {
      takeBytes(caller, bytes, length)
    } catch (error) {
      giveUp(caller, error)
    }
    return true
  })
  const caller: CallerConnection = {
    ...fresh,
    before: nothingBefore(),
    listener,
    socket,
    accepted,
    address: accepted.address,
    handler: askerOf(() => caller, accepted.key),
    since: listener.tick,
    send: () => flush(caller),
    goOn: () => pump(caller),
  }
  listener.callers.add(caller)
  socket.on('drain', () => {
    try {
      takeDrain(caller)
    } catch (error) {
      giveUp(caller, error)
    }
  })
  socket.on('end', () => takeEnd(caller))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    listener.callers.delete(caller)
    close(caller)
    if (caller.seat) listener.lingering.leave(caller.seat)
    abort(caller)
  })
}

type Own = 'listener' | 'socket' | 'accepted' | 'address' | 'handler' | 'since' | 'send' | 'goOn' | 'before'
const fresh: Omit<CallerConnection, Own> = {
  queued: false,
  linesOf: undefined,
  linesWithout: undefined,
  lines: '',
  phase: 'head',
  exchange: undefined,
  pending: undefined,
  looked: 0,
  pipelined: false,
  served: 0,
  out: '',
  corked: false,
  pumping: false,
  lingered: 0,
  seat: undefined,
  held: 0,
  tunnel: undefined,
  link: undefined,
  blockedSince: -1,
  endedSince: -1,
  progress: 0,
}

/** A bug costs the call that met it, and nobody else's. */
function giveUp({ listener, socket }: CallerConnection, error: unknown): void {
  listener.log.error({ err: error }, 'a request could not be handled')
  socket.destroy()
}

/** What the app's side tells of the running request. */
function askerOf(of: () => CallerConnection, peer: string): UpstreamHandler {
  const running = (caller: CallerConnection) => {
    if (!caller.exchange) throw new Error('an answer came for no request')
    return caller.exchange
  }
  return {
    peer,
    onUpstream: upstream => sendOn(of(), running(of()), upstream),
    onAnswer: answer => beginAnswer(of(), running(of()), answer),
    onData: (bytes, from, to) => addData(of(), running(of()), bytes, from, to),
    onPause: () => flush(of()),
    onEnd() {
      endAnswer(of(), running(of()))
      pump(of())
    },
    onFault(fault) {
      const caller = of()
      if (caller.exchange) failAnswer(caller, caller.exchange, fault)
      pump(caller)
    },
    onLost: request => sendAgain(of(), running(of()), request),
    onSwitch: (answer, upstream, firstBytes) => openTunnel(of(), running(of()), answer, upstream, firstBytes),
    onReady: () => sendBody(of()),
    onEnough: () => dropBody(of()),
    onDrain() {
      const caller = of()
      if (caller.phase !== 'body') return
      // While the app did not read, the caller could not go on.
      noteSign(caller)
      caller.socket.resume()
    },
  }
}

/** @param bytes good until this returns: what is kept is copied */
function takeBytes(caller: CallerConnection, bytes: Buffer, length: number): void {
  switch (caller.phase) {
    case 'head':
      return void takeInHead(caller, bytes, length)
    case 'body':
      return void takeBody(caller, bytes, length)
    case 'answer':
      if (isDropped(caller.exchange)) return void drop(caller, length)
      return void readAhead(caller, bytes, length)
    case 'proof':
      return void readAhead(caller, bytes, length)
    case 'tunnel':
      return void caller.tunnel?.(Buffer.from(bytes.subarray(0, length)))
    case 'linger':
      return void drop(caller, length)
  }
}

/** Whether the app takes nothing more of the request. */
function isDropped(exchange: Exchange | undefined): boolean {
  return exchange !== undefined && !exchange.sent && exchange.upstream?.stopped === true
}

function drop(caller: CallerConnection, length: number): void {
  caller.lingered += length
  if (caller.lingered > maxLingerBytes) caller.socket.pause()
}

function takeInHead(caller: CallerConnection, bytes: Buffer, length: number): void {
  if (caller.pending || caller.blockedSince >= 0 || caller.pumping) return void readAhead(caller, bytes, length)
  noteSign(caller)
  takeHead(caller, bytes, length, kept)
  if (caller.pending) pump(caller)
}

/** Keeps what comes before its turn. */
function readAhead(caller: CallerConnection, bytes: Buffer, length: number): void {
  const waiting = caller.pending ? joined(caller.pending, bytes, length) : kept(bytes, 0, length)
  keepBytes(caller, waiting)
  if (caller.phase === 'head' && caller.blockedSince < 0 && !caller.pumping) return void pump(caller)
  if (waiting.length > maxAheadBytes) caller.socket.pause()
  holdFor(caller)
}

/** Takes one request after the other, as long as the caller reads its answers. */
function pump(caller: CallerConnection): void {
  if (caller.pumping) return
  caller.pumping = true
  let taken = 0
  while (caller.phase === 'head' && caller.pending && caller.blockedSince < 0) {
    if (taken++ > 0 && isLong(caller, taken)) return void letOthers(caller)
    const bytes = takeKept(caller)
    if (!bytes || !takeHead(caller, bytes, bytes.length, partOf)) break
    // All of it was read, and nothing of it passed.
    if (caller.phase === 'head' && !caller.pending) free(bytes)
  }
  caller.pumping = false
  if (taken > 0) flush(caller)
  if (caller.phase !== 'head' || caller.blockedSince >= 0) return
  if (caller.endedSince >= 0) endOfRequests(caller)
  else if (caller.socket.isPaused()) caller.socket.resume()
}

/** While others wait, one at a time. */
function isLong({ listener }: CallerConnection, taken: number): boolean {
  return taken > maxInARow || listener.turns.waiting() > 0
}

/** Requests that are denied wait for no app: one read can hold thousands, and all other callers would wait for them. */
function letOthers(caller: CallerConnection): void {
  const { listener, accepted } = caller
  flush(caller)
  const fate = listener.turns.take(accepted.key, turn => {
    caller.pumping = false
    if (caller.phase !== 'head') return
    try {
      if (turn === 'come') pump(caller)
      else refuseTurn(caller)
    } catch (error) {
      giveUp(caller, error)
    }
  })
  if (fate === 'waits') holdFor(caller)
  if (fate !== 'refused') return
  caller.pumping = false
  refuseTurn(caller)
}

/** Nothing more comes, and all that came is answered. */
function endOfRequests(caller: CallerConnection): void {
  if (caller.pending) return void refuseBytes(caller, brokenOff)
  flush(caller)
  caller.socket.end()
}

function takeDrain(caller: CallerConnection): void {
  noteRead(caller)
  caller.exchange?.upstream?.socket.resume()
  pump(caller)
}

/** The caller sends nothing more. */
function takeEnd(caller: CallerConnection): void {
  const { phase, socket } = caller
  if (caller.endedSince < 0) noteEnd(caller)
  if (phase === 'body') socket.destroy()
  else if (phase === 'head' && caller.blockedSince < 0 && !caller.pumping) endOfRequests(caller)
}
