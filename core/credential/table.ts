import type { CredentialKind } from '../base/credential-kinds.ts'
import type { CredentialAccount } from './account.ts'
import { clientToken, clientTokenAccount } from './client-token.ts'
import type { CredentialEntry } from './entry.ts'
import { serviceAccountToken, serviceAccountTokenAccount } from './service-account-token.ts'

/** Every kind of credential: what the data path needs of it. */
export const credentialTable: Readonly<Record<CredentialKind, CredentialEntry>> = {
  ClientToken: clientToken,
  ServiceAccountToken: serviceAccountToken,
}

/** The same for people. The first that something looks like is taken: the most particular ones stand first. */
export const credentialAccounts: Readonly<Record<CredentialKind, CredentialAccount>> = {
  ServiceAccountToken: serviceAccountTokenAccount,
  ClientToken: clientTokenAccount,
}
