import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { importJWK, type JWK, SignJWT } from 'jose'
import { createFetch, type Fetch, tokenProvider } from '../../../sdk/index.ts'

export interface Place {
  /** Where the Secret is mounted. */
  readonly directory: string
  readonly audience: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export type Way = keyof typeof ways

/** The three kinds of caller that docs/guides/rotation.md promises to follow a rotation. */
export const ways = { sdk, files, environment }

/** The mounted files, with the SDK. */
function sdk({ directory, audience }: Place, fetch: Fetch): Fetch {
  return createFetch(tokenProvider({ directory }), { audience: () => audience, fetch })
}

/** The mounted files without any of ours: read for each token, which is for one call on a connection of its own. */
function files({ directory, audience }: Place, fetch: Fetch): Fetch {
  return async (input, init) => {
    const jwk = JSON.parse(await readFile(join(directory, 'private.jwk'), 'utf8')) as JWK & Record<string, string>
    const token = await new SignJWT({ client_id: jwk.client_id })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid ?? '' })
      .setIssuer(jwk.issuer ?? '')
      .setSubject(jwk.client_id ?? '')
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('15m')
      .setJti(randomUUID())
      .sign(await importJWK(jwk, 'EdDSA'))
    return fetch(input, { ...init, headers: { authorization: `Bearer ${token}`, connection: 'close' } })
  }
}

/** An environment variable, which the process has from its start to its end. */
function environment({ env, audience }: Place, fetch: Fetch): Fetch {
  return createFetch(tokenProvider({ env }), { audience: () => audience, fetch })
}
