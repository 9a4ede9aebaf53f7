import type { Socket } from 'node:net'
import { fault } from '../read-request.ts'
import { addData, beginAnswer, endAnswer, failAnswer } from './answer.ts'
import type { Caller, Door } from './caller-state.ts'
import { nothingBefore } from './read-before.ts'
import type { OnRead } from './reading.ts'
import { abort, refuseBytes, sendAgain, sendOn, takeBody } from './request.ts'
import { takeHead } from './take-head.ts'
import { openTunnel } from './tunnel.ts'
import type { Asker } from './upstream-state.ts'
import { flush } from './write.ts'

/** What may wait behind a running request before the caller has to wait too. */
const maxAheadBytes = 16_384
const maxLingerBytes = 262_144
const brokenOff = fault('The request ended before its head did.')

/**
 * Serves a connection until it ends.
 * @param open makes the socket whose bytes are given to the function
 */
export function serveCaller(door: Door, open: (onRead: OnRead) => Socket, peer: string): void {
  const socket = open((length, bytes) => {
    try {
      takeBytes(caller, bytes, length)
    } catch (error) {
      giveUp(caller, error)
    }
    return true
  })
  const caller: Caller = {
    ...fresh,
    before: nothingBefore(),
    door,
    socket,
    peer,
    asker: askerOf(() => caller, peer),
    since: door.tick,
    send: () => flush(caller),
  }
  door.callers.add(caller)
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
    door.callers.delete(caller)
    caller.phase = 'closed'
    abort(caller)
  })
}

const fresh: Omit<Caller, 'door' | 'socket' | 'peer' | 'asker' | 'since' | 'send' | 'before'> = {
  queued: false,
  linesOf: undefined,
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
  tunnel: undefined,
  blockedSince: -1,
  endedSince: -1,
}

/** A bug costs the call that met it, and nobody else's. */
function giveUp({ door, socket }: Caller, error: unknown): void {
  door.log.error({ err: error }, 'a request could not be handled')
  socket.destroy()
}

/** What the app's side tells of the running request. */
function askerOf(of: () => Caller, peer: string): Asker {
  const running = (caller: Caller) => {
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
    onDrain() {
      if (of().phase === 'body') of().socket.resume()
    },
  }
}

/** @param bytes good until this returns: what is kept is copied */
function takeBytes(caller: Caller, bytes: Buffer, length: number): void {
  switch (caller.phase) {
    case 'head':
      return void takeInHead(caller, bytes, length)
    case 'body':
      return void takeBody(caller, bytes, length)
    case 'answer':
      return void readAhead(caller, bytes, length)
    case 'tunnel':
      return void caller.tunnel?.(Buffer.from(bytes.subarray(0, length)))
    case 'linger':
      caller.lingered += length
      if (caller.lingered > maxLingerBytes) caller.socket.destroy()
      return
  }
}

function takeInHead(caller: Caller, bytes: Buffer, length: number): void {
  if (caller.pending || caller.blockedSince >= 0 || caller.pumping) return void readAhead(caller, bytes, length)
  caller.since = caller.door.tick
  takeHead(caller, bytes, length)
  if (caller.pending) pump(caller)
}

/** Keeps what comes before its turn. */
function readAhead(caller: Caller, bytes: Buffer, length: number): void {
  const piece = Buffer.from(bytes.subarray(0, length))
  caller.pending = caller.pending ? Buffer.concat([caller.pending, piece]) : piece
  if (caller.phase === 'head') pump(caller)
  else if (caller.pending.length > maxAheadBytes) caller.socket.pause()
}

/** Takes one request after the other, as long as the caller reads its answers. */
function pump(caller: Caller): void {
  if (caller.pumping) return
  caller.pumping = true
  while (caller.phase === 'head' && caller.pending && caller.blockedSince < 0) {
    const { pending } = caller
    caller.pending = undefined
    if (!takeHead(caller, pending, pending.length)) break
  }
  caller.pumping = false
  if (caller.phase !== 'head' || caller.blockedSince >= 0) return
  if (caller.endedSince >= 0) endOfRequests(caller)
  else if (caller.socket.isPaused()) caller.socket.resume()
}

/** Nothing more comes, and all that came is answered. */
function endOfRequests(caller: Caller): void {
  if (caller.pending) return void refuseBytes(caller, brokenOff)
  flush(caller)
  caller.socket.end()
}

function takeDrain(caller: Caller): void {
  caller.blockedSince = -1
  caller.exchange?.upstream?.socket.resume()
  pump(caller)
}

/** The caller sends nothing more. */
function takeEnd(caller: Caller): void {
  const { phase, socket } = caller
  if (caller.endedSince < 0) caller.endedSince = caller.door.tick
  if (phase === 'body') socket.destroy()
  else if (phase === 'head' && caller.blockedSince < 0) endOfRequests(caller)
}
