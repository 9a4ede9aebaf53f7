import { checks, claimNames } from './access-token.ts'
import { keyClaim } from './access-token-claims.ts'
import type { CredentialExplanation } from './explanation.ts'
import { signatureCauses, written } from './signature-causes.ts'
import { claimFaults, keyFaults } from './token-faults.ts'

const algorithms = ['EdDSA', 'Ed25519', 'ES256', 'RS256']
const serviceIssuer = /^https?:\/\/[^?#]+\/services\/[^/?#]+\/[^/?#]+$/

/** What people are told of access tokens. */
export const accessTokenExplanation: CredentialExplanation = {
  words: 'access token',
  looksLike({ token }) {
    const { iss } = token?.payload ?? {}
    if (!token || typeof iss !== 'string') return false
    return serviceIssuer.test(iss) || Object.hasOwn(token.payload, keyClaim)
  },
  faultsOf: ({ token }) =>
    token
      ? [
          ...keyFaults(token, algorithms),
          ...claimFaults(checks, token, { names: claimNames, clientId: token.payload.client_id }),
        ]
      : [],
  causesOf({ token }, { accessTokens }) {
    if (!token) return []
    if (!accessTokens) return ['The service takes no access tokens: see spec.accepts of the GuardedService.']
    const { kid } = token.header
    const key = accessTokens.keys.find(({ row }) => row.kid === kid)
    return key
      ? signatureCauses(token, key, key.row.algorithm, 'the issuer')
      : [`kid ${written(kid)} is no key of the issuer ${accessTokens.row.issuer}.`]
  },
  beyondManifests: () => 'access tokens need an issuer, whose keys no manifest has',
  // They are got with what is told of under its own kind.
  standingsOf: () => [],
  freshIdentity: () => undefined,
}
