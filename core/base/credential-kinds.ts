/** Kinds of credential that a guard takes. What each is stands in core/credential/table.ts. */
export const credentialKinds = ['ClientToken', 'ServiceAccountToken', 'AccessToken', 'StaticSecret', 'ApiKey'] as const

export type CredentialKind = (typeof credentialKinds)[number]

/** Those that are sent as they are: whoever receives one can send it on. */
export const secretKinds = ['StaticSecret', 'ApiKey'] as const satisfies readonly CredentialKind[]

export type SecretKind = (typeof secretKinds)[number]

/** What a service takes that does not say what it takes. */
export const defaultCredentialKinds: readonly CredentialKind[] = ['ClientToken', 'ServiceAccountToken']

export function isCredentialKind(name: unknown): name is CredentialKind {
  return (credentialKinds as readonly unknown[]).includes(name)
}
