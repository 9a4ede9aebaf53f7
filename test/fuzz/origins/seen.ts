/** A request as a server understood it. Text has one character per byte. */
export interface Seen {
  readonly method: string
  readonly target: string
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
  readonly trailers: number
}

/** A server behind the guard. All of them listen on a Unix socket: no ports to run out of. */
export interface Origin {
  readonly name: string
  readonly socketPath: string
  stop(): Promise<void>
}

/** Field by which an echo says what it saw, also where an answer has no body: JSON, one escaped byte per character. */
export const seenHeader = 'seen-request'
