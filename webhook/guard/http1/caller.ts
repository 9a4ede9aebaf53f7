import type { Socket } from 'node:net'
import { fault, maxHeaderBytes } from '../read-request.ts'
import { addData, beginAnswer, endAnswer, failAnswer } from './answer.ts'
import type { Caller, Door } from './caller-state.ts'
import { isPreface } from './preface.ts'
import { checkBeginning, readHead } from './read-head.ts'
import { abort, decideHead, refuse, refuseBytes, takeBody } from './request.ts'
import { openTunnel } from './tunnel.ts'
import type { Asker } from './upstream.ts'
import { flush } from './write.ts'

/** What may wait behind a running request before the caller has to wait too. */
const maxAheadBytes = 16_384
const maxLingerBytes = 262_144
const brokenOff = fault('The request ended before its head did.')

/** Serves a connection until it ends. */
export function serveCaller(door: Door, socket: Socket, peer: string): void {
  const caller: Caller = {
    door,
    socket,
    peer,
    asker: undefined as unknown as Asker,
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
    since: door.tick,
    blockedSince: -1,
    endedSince: -1,
  }
  Object.assign(caller, { asker: askerOf(caller) })
  door.callers.add(caller)
  socket.on('data', (bytes: Buffer) => {
    try {
      takeBytes(caller, bytes)
    } catch (error) {
      giveUp(caller, error)
    }
  })
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

/** A bug costs the call that met it, and nobody else's. */
function giveUp({ door, socket }: Caller, error: unknown): void {
  door.log.error({ err: error }, 'a request could not be handled')
  socket.destroy()
}

/** What the app's side tells of the running request. */
function askerOf(caller: Caller): Asker {
  const running = () => {
    if (!caller.exchange) throw new Error('an answer came for no request')
    return caller.exchange
  }
  return {
    onAnswer: answer => beginAnswer(caller, running(), answer),
    onData: (bytes, from, to) => addData(caller, running(), bytes, from, to),
    onPause: () => flush(caller),
    onEnd() {
      endAnswer(caller, running())
      pump(caller)
    },
    onFault(fault) {
      if (caller.exchange) failAnswer(caller, caller.exchange, fault)
      pump(caller)
    },
    onSwitch: (answer, upstream, firstBytes) => openTunnel(caller, running(), answer, upstream, firstBytes),
    onDrain() {
      if (caller.phase === 'body') caller.socket.resume()
    },
  }
}

function takeBytes(caller: Caller, bytes: Buffer): void {
  switch (caller.phase) {
    case 'head':
      if (!caller.pending) caller.since = caller.door.tick
      caller.pending = caller.pending ? Buffer.concat([caller.pending, bytes]) : bytes
      return void pump(caller)
    case 'body':
      return void takeBody(caller, bytes)
    case 'answer':
      caller.pending = caller.pending ? Buffer.concat([caller.pending, bytes]) : bytes
      if (caller.pending.length > maxAheadBytes) caller.socket.pause()
      return
    case 'linger':
      caller.lingered += bytes.length
      if (caller.lingered > maxLingerBytes) caller.socket.destroy()
      return
  }
}

/** Takes one request after the other, as long as the caller reads its answers. */
function pump(caller: Caller): void {
  if (caller.pumping) return
  caller.pumping = true
  while (caller.phase === 'head' && caller.pending && caller.blockedSince < 0 && takeHead(caller));
  caller.pumping = false
  if (caller.phase === 'head' && caller.socket.isPaused()) caller.socket.resume()
}

/** @returns false when the head has not come to its end */
function takeHead(caller: Caller): boolean {
  const bytes = caller.pending as Buffer
  const { door } = caller
  if (door.onHttp2 && caller.served === 0 && isPreface(bytes)) return handOver(caller, bytes)
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, maxHeaderBytes))
  const end = text.indexOf('\r\n\r\n', Math.max(0, caller.looked - 3))
  if (end === -1) {
    const wrong = checkBeginning(text, Math.max(0, caller.looked - 1))
    caller.looked = text.length
    if (wrong) refuseBytes(caller, wrong)
    return false
  }
  caller.looked = 0
  caller.pending = bytes.length > end + 4 ? bytes.subarray(end + 4) : undefined
  const head = readHead(text, end)
  if ('refused' in head) refuse(caller, head)
  else decideHead(caller, head)
  return true
}

function handOver(caller: Caller, bytes: Buffer): boolean {
  const { door, socket } = caller
  // The rest of the preface may still come.
  if (bytes.length < 24) return false
  door.callers.delete(caller)
  caller.phase = 'closed'
  for (const event of ['data', 'drain', 'end', 'error', 'close']) socket.removeAllListeners(event)
  door.onHttp2?.(socket, bytes)
  return false
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
  else if (phase === 'head' && caller.pending && caller.blockedSince < 0) refuseBytes(caller, brokenOff)
  else if (phase === 'head') socket.end()
}
