/**
 * How every command ends, in one place. 0, 1 and 2 are those of diff and grep, and of `kubectl diff`: a script may ask by
 * `if`, and tells "no" from "not asked". A command that waits ends with 124 when its time is over, as timeout(1) and
 * cmctl do.
 */
export const exitCodes = {
  ok: { code: 0, what: 'nothing is wrong' },
  bad: { code: 1, what: 'what was looked at is bad: denied, refused, failed' },
  usage: { code: 2, what: 'wrong usage, or a file that cannot be read' },
  unreachable: { code: 3, what: 'the API server cannot be reached, or does not serve' },
  refused: { code: 4, what: 'the API server refuses: who asks is not known, or may not' },
  timeout: { code: 124, what: 'the time is over, and what was waited for is not there' },
} as const
export type Exit = keyof typeof exitCodes

/** How a command ends by itself. */
export type Outcome = 'ok' | 'bad'

/** Ends a command with a sentence for people. */
export class CommandError extends Error {
  readonly exit: Exclude<Exit, Outcome>

  constructor(exit: Exclude<Exit, Outcome>, message: string) {
    super(message)
    this.exit = exit
  }
}
