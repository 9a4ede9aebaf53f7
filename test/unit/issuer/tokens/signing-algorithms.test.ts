import { generateKeyPairSync } from 'node:crypto'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publicMembers, thumbprint } from '../../../../core/jose/jwk.ts'
import { jwksOf, type PublishableKey } from '../../../../core/jose/jwks.ts'
import type { IssuerAlgorithm } from '../../../../core/keys/issuer-keys.ts'
import type { Signer } from '../../../../issuer/publish/signing-keys.ts'
import { assertion, nowSeconds, ordersAudience, ordersIssuer, startTokens, withAssertion } from './rig.ts'

let rig: Awaited<ReturnType<typeof startTokens>>
beforeAll(async () => {
  rig = await startTokens()
})
afterAll(() => rig.close())

const pairs = {
  Ed25519: () => generateKeyPairSync('ed25519'),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }),
}

function makeKey(algorithm: IssuerAlgorithm, alg: string): { signer: Signer; key: PublishableKey } {
  const jwk = { ...pairs[algorithm]().privateKey.export({ format: 'jwk' }) }
  const publicKey = publicMembers(jwk)
  const kid = thumbprint(publicKey)
  return { signer: { kid, algorithm, alg, privateKey: jwk as never }, key: { kid, algorithm, publicKey } }
}

/** A token that the endpoint signs with the first of these keys, and what jose makes of it with nothing but the JWKS. */
async function tokenOf(...made: ReturnType<typeof makeKey>[]) {
  rig.signing.signers = made.map(({ signer }) => signer) as [Signer]
  rig.signing.keys = made.map(({ key }) => key)
  const { status, body } = await rig.ask(withAssertion(assertion(rig.pair)))
  expect(status).toBe(200)
  const jwks = jwksOf(rig.signing.keys, nowSeconds())
  return { token: body.access_token as string, jwks }
}

const read = ({ token, jwks }: Awaited<ReturnType<typeof tokenOf>>, algs: string[]) =>
  jwtVerify(token, createLocalJWKSet(jwks as never), {
    issuer: ordersIssuer,
    audience: ordersAudience,
    typ: 'at+jwt',
    algorithms: algs,
  })

describe('an access token, read by jose', () => {
  it.each([
    ['Ed25519', 'EdDSA', undefined],
    ['Ed25519', 'Ed25519', undefined],
    ['ES256', 'ES256', 'ES256'],
    ['RS256', 'RS256', 'RS256'],
  ] as const)('of a key for %s says %s, and the JWKS says %s', async (algorithm, alg, published) => {
    const given = await tokenOf(makeKey(algorithm, alg), makeKey(algorithm === 'ES256' ? 'RS256' : 'ES256', 'x'))
    const { payload, protectedHeader } = await read(given, [alg])
    expect(protectedHeader).toMatchObject({ alg, kid: given.jwks.keys[0]?.kid, typ: 'at+jwt' })
    expect(payload).toMatchObject({ client_id: 'partners.checkout', roles: ['orders-reader'] })
    expect(given.jwks.keys[0]?.alg).toBe(published)
    expect(Object.keys(given.jwks.keys[0] ?? {})).not.toContain('d')
    await expect(read(given, ['PS256'])).rejects.toMatchObject({ code: 'ERR_JOSE_ALG_NOT_ALLOWED' })
  })

  it('is introspected by this issuer under either name of EdDSA, and of an RSA key', async () => {
    for (const [algorithm, alg] of [
      ['Ed25519', 'Ed25519'],
      ['Ed25519', 'EdDSA'],
      ['RS256', 'RS256'],
    ] as const) {
      const { token } = await tokenOf(makeKey(algorithm, alg))
      expect(decodeProtectedHeader(token).alg).toBe(alg)
      const { grant_type: _, ...proof } = withAssertion(assertion(rig.pair), { token })
      const { body } = await rig.ask(proof, { path: '/services/shop/orders/oauth/introspect' })
      expect(body).toMatchObject({ active: true, client_id: 'partners.checkout' })
    }
  })
})
