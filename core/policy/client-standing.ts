import type { Identity } from '../base/identity.ts'
import { checkStanding } from '../credential/standing.ts'
import type { ClientRow, ClusterRow, Row } from '../rows/rows.ts'
import { identityOfKey } from './assume-keys.ts'

/** One credential of a client, and whether it counts. */
export interface CredentialStanding {
  /** `kid`, or `serviceaccount:<name>`. */
  readonly key: string
  readonly accessKey?: string
  /** Why no token of it passes; absent when one would. */
  readonly fault?: 'key_revoked' | 'key_expired' | 'client_suspended' | 'no pod runs as it'
  /** Seconds since epoch. */
  readonly notAfter?: number
  /** Roles it is narrowed to. */
  readonly roles?: readonly string[]
}

export interface GrantStanding {
  readonly name: string
  readonly role: string
  readonly ended: boolean
  /** Seconds since epoch. */
  readonly expiresAt?: number
  readonly attributes?: Readonly<Record<string, string>>
}

/** Keys first, then service accounts. @param now seconds since epoch */
export function credentialsOf(client: ClientRow, now: number): CredentialStanding[] {
  const keys = client.keys.map((key): CredentialStanding => {
    const fault = checkStanding(client, key, now) as CredentialStanding['fault']
    return {
      key: key.kid,
      accessKey: key.accessKey,
      ...(fault && { fault }),
      ...(key.notAfter !== undefined && { notAfter: key.notAfter }),
      ...(key.roles && { roles: key.roles }),
    }
  })
  const accounts = (client.serviceAccounts ?? []).map(({ name, pods }): CredentialStanding => {
    const fault = client.suspended ? 'client_suspended' : pods.length === 0 ? 'no pod runs as it' : undefined
    return { key: `serviceaccount:${name}`, ...(fault && { fault }) }
  })
  return [...keys, ...accounts]
}

/** The credential that is asked about: by `kid`, AccessKey or service account; else the first that counts. */
export function askedCredential(
  credentials: readonly CredentialStanding[],
  asked: string | undefined,
): CredentialStanding | undefined {
  const meant = credentials.filter(({ key, accessKey }) => asked === undefined || key === asked || accessKey === asked)
  return meant.find(({ fault }) => fault === undefined) ?? meant[0]
}

/** Who a fresh token of this credential would prove; undefined where there can be none. */
export function identityOfCredential(
  client: ClientRow,
  credential: CredentialStanding | undefined,
  audience: string,
  cluster: ClusterRow | undefined,
  now: number,
): Identity | undefined {
  const key = client.keys.find(({ kid }) => kid === credential?.key)
  if (key) return identityOfKey(client, key, audience, now)
  const account = client.serviceAccounts?.find(({ name }) => `serviceaccount:${name}` === credential?.key)
  const podUid = account?.pods[0]
  const clusterKid = cluster?.keys[0]?.kid
  if (!account || !credential || podUid === undefined || !cluster || clusterKid === undefined) return undefined
  return {
    clientId: client.clientId,
    client: `${client.namespace}/${client.name}`,
    key: credential.key,
    credential: 'ServiceAccountToken',
    subject: client.clientId,
    scopes: [],
    expiresAt: Number.MAX_SAFE_INTEGER,
    proof: {
      issuedAt: now,
      endsAt: Number.MAX_SAFE_INTEGER,
      audience,
      issuer: cluster.issuer,
      serviceAccountUid: account.uid,
      podUid,
      clusterKid,
    },
  }
}

/** The grants that name a client, by role, then by name. @param now seconds since epoch */
export function grantsOf(rows: readonly Row[], clientId: string, now: number): GrantStanding[] {
  return rows
    .flatMap(row => (row.type === 'grant' && row.clients.includes(clientId) ? [row] : []))
    .map(({ name, role, expiresAt, attributes }) => ({
      name,
      role,
      ended: expiresAt !== undefined && now >= expiresAt,
      ...(expiresAt !== undefined && { expiresAt }),
      ...(attributes && { attributes }),
    }))
    .sort((a, b) => (a.role === b.role ? (a.name < b.name ? -1 : 1) : a.role < b.role ? -1 : 1))
}
