import type { ProvedClient } from './live-clients.ts'

/** Who acts for whom: the last one outside. @see RFC 8693 section 4.1 */
export interface Act {
  readonly sub: string
  readonly act?: Act
}

/** How deep actors may be nested. */
export const mostActors = 5

/** What keeps a token within what others may do, and within the token it comes from. */
export interface TokenBounds {
  /** The token has roles that all of these have at the service, too. */
  readonly parties: readonly ProvedClient[]
  /** The token it comes from: at its own audience there are no more roles than it has, and nowhere more scopes. */
  readonly within?: {
    readonly audience: string
    readonly roles: readonly string[]
    readonly scopes: ReadonlySet<string>
    /** Seconds since epoch. */
    readonly expiresAt: number
  }
  readonly act?: Act
  /** Told beside the token: RFC 8693 section 2.2.1. */
  readonly issuedTokenType?: string
}
