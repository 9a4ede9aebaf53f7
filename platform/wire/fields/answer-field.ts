import { boundedMemo } from './bounded-memo.ts'
import { foldName, hopByHop } from './reserved-fields.ts'

/** Fields of an answer that the guard reads itself. */
export type AnswerRole = 'length' | 'coding' | 'connection' | 'keep-alive' | 'upgrade' | 'date' | 'other'

/** What is known of a field of an answer by its name alone. */
export interface AnswerField {
  readonly lower: string
  /** The name as the app wrote it, with what comes between it and its value. */
  readonly label: string
  readonly role: AnswerRole
  /** Belongs to the hop between app and guard, or would speak for the guard. */
  readonly endsHere: boolean
}

const roles: ReadonlyMap<string, AnswerRole> = new Map([
  ['content-length', 'length'],
  ['transfer-encoding', 'coding'],
  ['connection', 'connection'],
  ['keep-alive', 'keep-alive'],
  ['upgrade', 'upgrade'],
  ['date', 'date'],
])

/** @param sent a token */
export const answerField: (sent: string) => AnswerField = boundedMemo(1_024, sent => {
  const lower = sent.toLowerCase()
  return {
    lower,
    label: `${sent}: `,
    role: roles.get(lower) ?? 'other',
    // The length is written anew, from the one that was understood.
    endsHere: hopByHop.has(lower) || lower === 'content-length' || foldName(lower) === 'latchkey-decision',
  }
})
