import { connect } from 'node:net'
import { readAnswers } from '../read-answers.ts'
import { valuesOf } from '../read-requests.ts'
import { type Origin, type Seen, seenHeader } from './seen.ts'

/** What one server made of a connection's bytes. */
export interface Reaction {
  /** What it saw, in order; a status where it answered something else than what it saw. */
  readonly answers: readonly (Seen | number)[]
  /** What came behind them and is no whole answer. */
  readonly rest: string
  /** Whether the server ended the connection before all answers were there; otherwise it fell silent, or is done. */
  readonly wasClosed: boolean
}

/** Plays bytes on a connection of their own, and reads what the server says that it saw. */
export async function askOrigin(
  origin: Origin,
  bytes: string,
  methods: readonly string[],
  quietMs = 5_000,
): Promise<Reaction> {
  const { text, wasClosed } = await exchanged(origin.socketPath, bytes, methods, quietMs)
  const read = readAnswers(text, methods)
  const answers = read.answers.map(answer => {
    const [header] = valuesOf(answer.fields, seenHeader)
    return answer.status === 200 ? decoded(header ?? answer.body) : answer.status
  })
  return { answers, rest: read.rest, wasClosed }
}

/** Ends when the server closes, when all answers are there, or after a silence. */
function exchanged(
  path: string,
  bytes: string,
  methods: readonly string[],
  quietMs: number,
): Promise<{ text: string; wasClosed: boolean }> {
  return new Promise(resolve => {
    const socket = connect({ path, allowHalfOpen: true })
    let text = ''
    let wasClosed = false
    const quiet = setTimeout(() => socket.destroy(), quietMs)
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      quiet.refresh()
      if (readAnswers(text, methods).answers.length >= methods.length) socket.destroy()
    })
    socket.on('end', () => {
      wasClosed = true
      socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(quiet)
      resolve({ text, wasClosed })
    })
    // In one piece: a second one, written after the server closed, would take its answer away.
    socket.write(bytes, 'latin1')
  })
}

function decoded(base64: string): Seen | number {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString('utf8')) as Seen
  } catch {
    return 200
  }
}
