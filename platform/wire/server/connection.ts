import type { Socket } from 'node:net'
import type { Connection } from '../../http/connections.ts'
import { newBody, nextData } from '../body.ts'
import { free, joined, kept, partOf } from '../connection/kept-bytes.ts'
import type { OnRead } from '../connection/reading.ts'
import { endOfHead } from '../fields/read-fields.ts'
import { checkBeginning } from '../read-head.ts'
import { type PlainHead, readPlainHead } from '../read-plain-head.ts'
import {
  awaitHead,
  beginRequest,
  type ClientConnection,
  close,
  endConnection,
  type HeadAnswer,
  type HeadHandler,
  type ServerContext,
} from './state.ts'
import { flush, noteRead, putAnswer, putStatus } from './write.ts'

/** What may wait behind a request before its sender has to wait too. */
const maxAheadBytes = 16_384

/**
 * Serves a connection until it ends.
 * @param open makes the socket whose bytes are given to the function
 */
export function serveClient(context: ServerContext, admitted: Connection, open: (onRead: OnRead) => Socket): void {
  const socket = open((length, bytes) => {
    guarded(client, () => takeBytes(client, bytes, length))
    return true
  })
  const client: ClientConnection = {
    ...fresh,
    context,
    admitted,
    socket,
    send: () => flush(client),
  }
  context.clients.add(client)
  socket.on('drain', () => guarded(client, () => goOn(client)))
  socket.on('end', () => guarded(client, () => takeEnd(client)))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    context.clients.delete(client)
    close(client)
  })
}

const fresh: Omit<ClientConnection, 'context' | 'admitted' | 'socket' | 'send'> = {
  queued: false,
  phase: 'head',
  waiting: undefined,
  body: undefined,
  startedMs: 0,
  keepsOpen: true,
  pending: undefined,
  looked: 0,
  out: '',
  unsent: 0,
  unreadMs: undefined,
  unread: undefined,
  endedMs: undefined,
}

/** A bug costs the connection that met it, and nobody else's. */
function guarded(client: ClientConnection, step: () => void): void {
  try {
    step()
  } catch (error) {
    client.context.log.error({ err: error }, 'a request could not be handled')
    client.socket.destroy()
  }
}

/** @param bytes good until this returns: what is kept is copied */
function takeBytes(client: ClientConnection, bytes: Buffer, length: number): void {
  if (isOver(client)) return
  if (!client.pending) return void takeAll(client, bytes, length, kept)
  const all = joined(client.pending, bytes, length)
  takeAll(client, all, all.length, partOf)
}

/** Nothing more is taken of it, though bytes may still come. */
function isOver({ phase, socket }: ClientConnection): boolean {
  return phase === 'end' || phase === 'closed' || socket.destroyed
}

/** One request after the other, as far as they are there and their answers are read. @param keep how to keep the rest */
function takeAll(client: ClientConnection, bytes: Buffer, length: number, keep: typeof kept): void {
  client.pending = undefined
  let at = 0
  while (at < length && !isOver(client)) {
    const next = takeNext(client, bytes, at, length)
    if (next === at) break
    at = next
  }
  if (isOver(client)) return
  if (at < length) client.pending = keep(bytes, at, length)
  // All of what was kept was read, and nothing of it passed.
  else if (keep === partOf) free(bytes)
  const waits = client.phase === 'request' || client.socket.writableNeedDrain
  if (waits && length - at > maxAheadBytes) client.socket.pause()
  else if (client.socket.isPaused()) client.socket.resume()
}

/** @returns where to go on; `at` itself where nothing can be taken now */
function takeNext(client: ClientConnection, bytes: Buffer, at: number, length: number): number {
  if (client.phase === 'request') return client.body ? takeBody(client, bytes, at, length) : at
  if (client.socket.writableNeedDrain) return at
  return takeHead(client, at === 0 ? bytes : bytes.subarray(at), at, length)
}

/** Throws away what comes of a body, to its end and no further. */
function takeBody(client: ClientConnection, bytes: Buffer, from: number, length: number): number {
  const { body } = client
  let at = from
  while (body && at < length && !body.done && !body.broken) at = nextData(body, bytes, at, length)
  if (body?.broken) breakOff(client)
  else if (body?.done) {
    client.body = undefined
    endRequest(client)
  }
  return at
}

/** A body that is none: nobody knows where the next request begins. */
function breakOff(client: ClientConnection): void {
  if (client.waiting) putStatus(client, 400)
  else endConnection(client)
}

/** @param bytes from the first byte of the head on, which stands at `at` of `length` */
function takeHead(client: ClientConnection, bytes: Buffer, at: number, length: number): number {
  const { context, looked } = client
  const { headBytes, pipelined } = context.limits
  const most = Math.min(length - at, headBytes)
  const end = endOfHead(bytes, Math.max(0, looked - 3), most)
  if (end === -1) {
    noteBeginning(client, bytes.toString('latin1', 0, most))
    return at
  }
  client.looked = 0
  // Of the head alone: what is kept of it must not keep what came behind it.
  const head = readPlainHead(bytes, bytes.toString('latin1', 0, end + 4), end)
  if ('status' in head) putStatus(client, head.status)
  else if (client.unsent >= pipelined) client.admitted.closeFor('pipelined')
  else handle(client, head)
  return at + end + 4
}

/** A head whose end has not come yet: what no later byte can make good is refused at once. */
function noteBeginning(client: ClientConnection, text: string): void {
  const { context, admitted, looked } = client
  const wrong = checkBeginning(text, Math.max(0, looked - 1), context.limits.headBytes)
  client.looked = text.length
  if (wrong) return void putStatus(client, wrong.status)
  admitted.headSince ??= admitted.served ? context.clock.now() : admitted.since
}

function handle(client: ClientConnection, head: PlainHead): void {
  const { context, admitted, socket } = client
  beginRequest(client, head, head.body === 'none' ? undefined : newBody(head.body, head.length))
  if (head.expectContinue) {
    client.out += 'HTTP/1.1 100 Continue\r\n\r\n'
    context.outbox.add(client)
  }
  const request = { head, socket, prove: admitted.prove, isGone: () => client.waiting !== head || socket.destroyed }
  answering(client, head, () => context.handler(request))
}

const failed: HeadAnswer = {
  status: 500,
  headers: ['Content-Type', 'application/problem+json', 'Content-Length', '64', 'Cache-Control', 'no-store'],
  body: '{"title":"Internal error","status":500,"code":"internal_error"}\n',
}

/** A handler that throws gives 500 and no detail. */
function answering(client: ClientConnection, head: PlainHead, handler: () => ReturnType<HeadHandler>): void {
  let answer: ReturnType<HeadHandler>
  try {
    answer = handler()
    if (!(answer instanceof Promise)) return void give(client, head, answer)
  } catch (error) {
    client.context.log.error({ err: error, method: head.method }, 'the handler failed')
    return void give(client, head, failed)
  }
  const goingOn = (next: () => ReturnType<HeadHandler>): void =>
    guarded(client, () => {
      if (client.waiting !== head || client.socket.destroyed) return
      answering(client, head, next)
      goOn(client)
    })
  answer.then(
    given => (given ? goingOn(() => given) : client.socket.destroy()),
    (error: unknown) =>
      goingOn(() => {
        throw error
      }),
  )
}

function give(client: ClientConnection, head: PlainHead, answer: HeadAnswer): void {
  client.keepsOpen &&= !client.context.draining
  putAnswer(client, answer, head.method === 'HEAD')
  client.waiting = undefined
  endRequest(client)
}

/** Both the answer and the body are over: the connection goes on to its next request, or ends. */
function endRequest(client: ClientConnection): void {
  if (client.waiting || client.body) return
  if (client.keepsOpen) awaitHead(client)
  else endConnection(client)
}

/** Takes what waited. */
function goOn(client: ClientConnection): void {
  noteRead(client)
  if (isOver(client)) return
  const { pending, socket } = client
  if (pending) takeAll(client, pending, pending.length, partOf)
  else if (socket.isPaused()) socket.resume()
  if (client.endedMs !== undefined) takeEnd(client)
}

/** The client sends nothing more: what was asked in whole is answered. */
function takeEnd(client: ClientConnection): void {
  client.endedMs ??= client.context.clock.now()
  if (isOver(client) || client.socket.writableNeedDrain) return
  if (client.body) return void client.socket.destroy()
  if (client.phase !== 'head') return
  if (client.pending) putStatus(client, 400)
  else endConnection(client)
}
