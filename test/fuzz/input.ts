/** What one client does on one connection. */
export interface Input {
  readonly name: string
  /** One character per byte; `{token}` stands for a token of the one client that is known. */
  readonly text: string
  /** Where the client makes a pause, so that the guard reads in pieces. */
  readonly cuts: readonly number[]
  /** The client closes its sending half after the last byte, or once it has all the answers it can expect. */
  readonly ending: 'at-once' | 'after-answers'
}

export const tokenPlace = '{token}'

/** The bytes that go out. */
export function expanded(input: Input, token: string): { text: string; parts: string[] } {
  const ends = [
    ...input.cuts.filter(cut => cut > 0 && cut < input.text.length).sort((a, b) => a - b),
    input.text.length,
  ]
  const parts = ends.map((end, at) => input.text.slice(ends[at - 1] ?? 0, end))
  const text = input.text.replaceAll(tokenPlace, token)
  // A pause in the middle of the word would take the token away.
  const whole = parts.map(part => part.replaceAll(tokenPlace, token))
  return { text, parts: whole.join('') === text ? whole.filter(part => part !== '') : [text] }
}
