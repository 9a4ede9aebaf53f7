/** A token taken apart; nothing about it is proved yet. */
export interface CompactToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  /** The ASCII bytes that are signed: header, dot, payload. */
  readonly signingInput: Buffer
  readonly signature: Buffer
}

export function parseCompact(_token: string): CompactToken | undefined {
  throw new Error('being written')
}
