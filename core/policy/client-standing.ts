import { credentialKinds } from '../base/credential-kinds.ts'
import type { Identity } from '../base/identity.ts'
import type { CredentialStanding, Use } from '../credential/explanation.ts'
import { credentialExplanations } from '../credential/table.ts'
import type { ClientRow, GrantLimit, Row } from '../rows/rows.ts'

export interface GrantStanding {
  readonly name: string
  readonly role: string
  readonly ended: boolean
  /** Seconds since epoch. */
  readonly expiresAt?: number
  readonly attributes?: Readonly<Record<string, string>>
  readonly limit?: GrantLimit
}

/** Kind by kind: keys first, then service accounts. @param now seconds since epoch */
export function credentialsOf(client: ClientRow, now: number): CredentialStanding[] {
  return credentialKinds.flatMap(kind => credentialExplanations[kind].standingsOf(client, now))
}

/** The credential that is asked about: by `kid`, AccessKey or service account; else the first that counts. */
export function askedCredential(
  credentials: readonly CredentialStanding[],
  asked: string | undefined,
): CredentialStanding | undefined {
  const meant = credentials.filter(({ key, accessKey }) => asked === undefined || key === asked || accessKey === asked)
  return meant.find(({ fault }) => fault === undefined) ?? meant[0]
}

/** Who a fresh one of this credential would prove; undefined where there can be none. */
export function identityOfCredential(
  client: ClientRow,
  credential: CredentialStanding | undefined,
  use: Use,
): Identity | undefined {
  if (!credential) return undefined
  for (const kind of credentialKinds) {
    const identity = credentialExplanations[kind].freshIdentity(client, credential.key, use)
    if (identity) return identity
  }
  return undefined
}

/** The grants that name a client, by role, then by name. @param now seconds since epoch */
export function grantsOf(rows: readonly Row[], clientId: string, now: number): GrantStanding[] {
  return rows
    .flatMap(row => (row.type === 'grant' && row.clients.includes(clientId) ? [row] : []))
    .map(({ name, role, expiresAt, attributes, limit }) => ({
      name,
      role,
      ended: expiresAt !== undefined && now >= expiresAt,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(attributes && { attributes }),
      ...(limit && { limit }),
    }))
    .sort((a, b) => (a.role === b.role ? (a.name < b.name ? -1 : 1) : a.role < b.role ? -1 : 1))
}
