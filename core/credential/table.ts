import type { CredentialKind } from '../base/credential-kinds.ts'
import { accessToken } from './access-token.ts'
import { apiKey, apiKeyExplanation } from './api-key.ts'
import { clientToken, clientTokenExplanation } from './client-token.ts'
import type { CredentialEntry } from './entry.ts'
import { accessTokenExplanation } from './explain-access-token.ts'
import type { CredentialExplanation } from './explanation.ts'
import { serviceAccountToken, serviceAccountTokenExplanation } from './service-account-token.ts'
import { staticSecret, staticSecretExplanation } from './static-secret.ts'

/** Every kind of credential: what the data path needs of it. */
export const credentialTable: Readonly<Record<CredentialKind, CredentialEntry>> = {
  ClientToken: clientToken,
  ServiceAccountToken: serviceAccountToken,
  AccessToken: accessToken,
  StaticSecret: staticSecret,
  ApiKey: apiKey,
}

/** The same for people. The first that something looks like is taken: the most particular ones stand first. */
export const credentialExplanations: Readonly<Record<CredentialKind, CredentialExplanation>> = {
  ServiceAccountToken: serviceAccountTokenExplanation,
  AccessToken: accessTokenExplanation,
  ClientToken: clientTokenExplanation,
  StaticSecret: staticSecretExplanation,
  ApiKey: apiKeyExplanation,
}
