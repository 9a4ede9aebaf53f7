/** Clocks may differ by this much, seconds. */
export const toleranceSeconds = 30
/** Longest life of a client token, seconds. */
export const maxLifetimeSeconds = 900
/** Life the SDK gives a client token, seconds. */
export const defaultLifetimeSeconds = 300
/** `typ` of client tokens: RFC 9068 section 2.1. */
export const clientTokenType = 'at+jwt'

export interface ClientTokenRequest {
  readonly clientId: string
  /** Issuer URL of the client: `<issuer>/v1/clients/<clientId>`. */
  readonly issuer: string
  /** Audience of the one service the token is for. */
  readonly audience: string
  /** Seconds since epoch. */
  readonly now: number
  /** Seconds, 1 to 900; default 300. */
  readonly lifetimeSeconds?: number
  /** Unique per token, at most 128 characters. */
  readonly jti: string
}

export interface ClientTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly client_id: string
  readonly aud: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
}

/**
 * The claims of a client token: the caller signs them with `typ: at+jwt` and the `kid` and `alg` of its key.
 * A lifetime out of bounds is brought to the nearest bound.
 */
export function clientTokenClaims(request: ClientTokenRequest): ClientTokenClaims {
  const lifetime = Math.min(
    Math.max(Math.floor(request.lifetimeSeconds ?? defaultLifetimeSeconds), 1),
    maxLifetimeSeconds,
  )
  const iat = Math.floor(request.now)
  return {
    iss: request.issuer,
    sub: request.clientId,
    client_id: request.clientId,
    aud: request.audience,
    iat,
    exp: iat + lifetime,
    jti: request.jti,
  }
}
