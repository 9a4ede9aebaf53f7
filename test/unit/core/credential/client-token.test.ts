import { expect, test } from 'vitest'
import { clientTokenClaims } from '../../../../core/credential/client-token-claims.ts'
import { audience, clientId, issuer, now } from '../fixture.ts'

const request = { clientId, issuer, audience, now, jti: 'j' }

test('a client token says who, for whom and for how long, and nothing else', () => {
  expect(clientTokenClaims(request)).toEqual({
    iss: issuer,
    sub: clientId,
    client_id: clientId,
    aud: audience,
    iat: now,
    exp: now + 300,
    jti: 'j',
  })
})

test.each([
  [0, 1],
  [-5, 1],
  [60.9, 60],
  [900, 900],
  [901, 900],
])('a life of %d s becomes %d s', (lifetimeSeconds, seconds) => {
  const { iat, exp } = clientTokenClaims({ ...request, now: now + 0.7, lifetimeSeconds })
  expect([iat, exp - iat]).toEqual([now, seconds])
})
