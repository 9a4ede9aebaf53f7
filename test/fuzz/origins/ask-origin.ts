import { connect } from 'node:net'
import { readAnswers } from '../read-answers.ts'
import { valuesOf } from '../read-requests.ts'
import { type Origin, type Seen, seenHeader } from './seen.ts'

/** What one server made of a connection's bytes. */
export interface Reaction {
  /** What it saw, in order; a status where it answered something else than what it saw. */
  readonly answers: readonly (Seen | number)[]
  /** The answers as they came, to be shown. */
  readonly text: string
}

/** Plays bytes on a connection of their own, and reads what the server says that it saw. */
export async function askOrigin(
  origin: Origin,
  bytes: string,
  methods: readonly string[],
  quietMs = 5_000,
): Promise<Reaction> {
  const text = await exchanged(origin.socketPath, bytes, methods, quietMs)
  const answers = readAnswers(text, methods).answers.map(answer => {
    const [header] = valuesOf(answer.fields, seenHeader)
    return answer.status === 200 ? decoded(header ?? answer.body) : answer.status
  })
  return { answers, text }
}

/** Ends when the server closes, when all answers are there, or after a silence. */
function exchanged(path: string, bytes: string, methods: readonly string[], quietMs: number): Promise<string> {
  return new Promise(resolve => {
    const socket = connect({ path, allowHalfOpen: true })
    let text = ''
    const quiet = setTimeout(() => socket.destroy(), quietMs)
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      quiet.refresh()
      if (readAnswers(text, methods).answers.length >= methods.length) socket.destroy()
    })
    socket.on('end', () => socket.end())
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(quiet)
      resolve(text)
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
