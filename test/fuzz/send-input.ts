import { connect, type Socket } from 'node:net'
import type { Input } from './input.ts'
import { readAnswers } from './read-answers.ts'
import type { Reading } from './read-requests.ts'

/** What a client got back on its connection. */
export interface Received {
  readonly text: string
  /** Who ended the connection. `nobody`: it was still open when the client had waited as long as it does. */
  readonly endedBy: 'guard' | 'client' | 'nobody'
}

/** How long a client whose last request is not whole waits for what comes of it. */
const quietMs = 15

/**
 * Plays one input. Each has an address of its own out of 127.0.0.0/8: by it the guard's audit line and the forwarded
 * request name the input they belong to, whatever its bytes are.
 */
export function sendInput(
  what: { parts: readonly string[]; ending: Input['ending']; reading: Reading },
  to: { port: number; peer: string; deadlineMs: number },
): Promise<Received> {
  return new Promise(resolve => {
    const socket = connect({
      port: to.port,
      host: '127.0.0.1',
      localAddress: to.peer,
      noDelay: true,
      allowHalfOpen: true,
    })
    let text = ''
    let endedBy: Received['endedBy'] = 'guard'
    let isWritten = false
    const deadline = setTimeout(() => {
      endedBy = 'nobody'
      socket.destroy()
    }, to.deadlineMs)
    const endWhenAnswered = (): void => {
      if (!isWritten || socket.writableEnded || !isAnswered(text, what.reading)) return
      endedBy = 'client'
      if (what.reading.end === 'incomplete') setTimeout(() => socket.end(), quietMs)
      else socket.end()
    }
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      if (what.ending === 'after-answers') endWhenAnswered()
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(deadline)
      resolve({ text, endedBy })
    })
    socket.on('connect', () => {
      write(socket, what.parts, 0, () => {
        isWritten = true
        if (what.ending === 'at-once') socket.end()
        else endWhenAnswered()
      })
    })
  })
}

/** A connection that the guard has to end by itself is left to it, but for a tunnel, which has no end of its own. */
function isAnswered(text: string, { requests, end }: Reading): boolean {
  const isLeftToGuard = end === 'fault' || end === 'closed'
  if (requests.length === 0) return !isLeftToGuard
  if (text === '') return false
  const { answers } = readAnswers(
    text,
    requests.map(({ method }) => method),
  )
  return answers.at(-1)?.status === 101 || (!isLeftToGuard && answers.length >= requests.length)
}

function write(socket: Socket, parts: readonly string[], at: number, done: () => void): void {
  const part = parts[at]
  if (part === undefined || !socket.writable) return void done()
  socket.write(part, 'latin1')
  if (at + 1 >= parts.length) return void done()
  setTimeout(write, 1, socket, parts, at + 1, done)
}
