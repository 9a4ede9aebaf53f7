import { createHash } from 'node:crypto'

/** What a revoked access token is known by: nothing can be done with it. 96 bits, base64url. */
export function revocationId(issuer: string, jti: string): string {
  return createHash('sha256')
    .update(JSON.stringify([issuer, jti]))
    .digest('base64url')
    .slice(0, 16)
}
