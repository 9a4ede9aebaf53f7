import type { SecretKind } from '../base/credential-kinds.ts'
import type { Identity } from '../base/identity.ts'
import type { DenyReason } from '../base/reasons.ts'
import { lookup } from '../base/shared-map.ts'
import type { ClientRow, SecretRow } from '../rows/rows.ts'
import type { StaticSecretText } from '../secret/presented.ts'
import { isSecretOf } from '../secret/secret.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import type { CredentialEntry, Place, RefusedPlace } from './entry.ts'
import type { CredentialExplanation } from './explanation.ts'
import { checkStanding } from './standing.ts'
import { tokenFault } from './token-faults.ts'

/** What a presented secret says. Only of a static one it is said whose it is. */
export type SecretText = Omit<StaticSecretText, 'clientId'> & { readonly clientId?: string }

/** What sets one kind of secret apart from the others. */
export interface SecretForm {
  readonly kind: SecretKind
  readonly places: readonly Place[]
  readonly refusedPlaces: readonly RefusedPlace[]
  /** @returns undefined for what is not written so, by its checksum too */
  read(text: string): SecretText | undefined
}

/** From here on there is no time in JSON. A secret has no end but that of its AccessKey. */
const never = Number.MAX_SAFE_INTEGER

/**
 * A secret that is sent as it is. It is looked up by its key id and compared by its hash, in constant time; its text with a
 * typo is looked up nowhere. A service that does not take the kind says so before anything else: nothing about the secret
 * is in that.
 */
export function secretEntry(form: SecretForm): CredentialEntry {
  const { kind, places, refusedPlaces, read } = form

  function found(text: string, snapshot: Snapshot): { row: ClientRow; secret: SecretRow } | undefined {
    const said = read(text)
    for (const { row } of (said && lookup(snapshot.clientsBy[kind], said.keyId)) ?? []) {
      const secret = secretOf(row, kind, said?.keyId)
      if (secret && (said?.clientId ?? row.clientId) === row.clientId) return { row, secret }
    }
    return undefined
  }

  function prove(text: string, snapshot: Snapshot, now: number): Identity | DenyReason {
    const { service } = snapshot
    if (!service?.accepts.includes(kind)) return 'credential_unsupported'
    const { row, secret } = found(text, snapshot) ?? {}
    const said = read(text)
    if (!row || !secret || !said || !isSecretOf(said.secret, secret.hash)) return 'invalid_token'
    return checkStanding(row, secret, now) ?? identityOf(row, secret, service.audience)
  }

  return {
    kind,
    places,
    refusedPlaces,
    bindsRequest: false,
    isSigned: false,
    isOf: ({ text }) => read(text) !== undefined,
    prove: ({ text }, snapshot, now) => prove(text, snapshot, now),
    claimedBy: ({ text }, snapshot) => found(text, snapshot)?.row.clientId,
    namesStill({ clientId, key }, { clients, service }) {
      const client = lookup(clients, clientId)
      return service?.accepts.includes(kind) === true && secretOf(client?.row, kind, key) !== undefined
    },
    checkStanding({ key }, { row }, _, now) {
      const secret = secretOf(row, kind, key)
      return secret ? checkStanding(row, secret, now) : 'invalid_token'
    },
    /** It is for no audience: where its hash is, it is for. */
    checkUse: (_, __, service) => (service?.accepts.includes(kind) ? undefined : 'credential_unsupported'),
    boundsOf: ({ key }, row) => secretOf(row, kind, key),
  }
}

function secretOf(row: ClientRow | undefined, kind: SecretKind, kid: string | undefined): SecretRow | undefined {
  return row?.secrets?.find(secret => secret.kid === kid && secret.kind === kind)
}

const noScopes: readonly string[] = []

function identityOf(row: ClientRow, { kind, kid, notBefore, notAfter, roles }: SecretRow, audience: string): Identity {
  return {
    clientId: row.clientId,
    client: `${row.namespace}/${row.name}`,
    key: kid,
    credential: kind,
    subject: row.clientId,
    scopes: noScopes,
    expiresAt: notAfter ?? never,
    ...(roles && { roles }),
    proof: { issuedAt: notBefore, endsAt: never, audience, issuer: row.issuer },
  }
}

/** What people are told of a kind of secret. The text of one is in nothing of it. */
export function secretExplanation(
  { kind, read }: Pick<SecretForm, 'kind' | 'read'>,
  told: { readonly words: string; readonly written: string; looksLike(text: string): boolean },
): CredentialExplanation {
  const { words, written, looksLike } = told
  return {
    words,
    looksLike: ({ text }) => looksLike(text),
    faultsOf: ({ text }) =>
      read(text)
        ? []
        : [
            tokenFault(
              'invalid_token',
              `it is not written as ${written}, or its checksum says that a character of it is wrong`,
              'Copy it from the mounted Secret again, whole and without white space.',
            ),
          ],
    causesOf({ text }, { clientsBy, service }) {
      const said = read(text)
      if (!said) return [`It is not written as ${written}, or its checksum says that a character of it is wrong.`]
      const clients = lookup(clientsBy[kind], said.keyId) ?? []
      const [client] = clients
      if (!client)
        return [
          `${said.keyId} is no ${words} that this policy knows: see spec.services of its AccessKey, spec.accepts of the service, and whether its client is granted anything here.`,
        ]
      const own = clients.find(({ row }) => said.clientId === undefined || row.clientId === said.clientId)
      if (!own)
        return [
          `${said.keyId} is a key of the client ${client.row.namespace}/${client.row.name}, which has another client id.`,
        ]
      const secret = secretOf(own.row, kind, said.keyId)
      return [
        secret && isSecretOf(said.secret, secret.hash) ? undefined : `The secret is not that of ${said.keyId}.`,
        service?.accepts.includes(kind) ? undefined : `The service does not take the kind ${kind}: see spec.accepts.`,
      ]
    },
    beyondManifests: () =>
      `an ${words} needs a cluster: it is made there, and no manifest has its hash`.replace(/^an (?![aeiou])/, 'a '),
    standingsOf: (client, now) =>
      (client.secrets ?? [])
        .filter(secret => secret.kind === kind)
        .map(secret => {
          const fault = checkStanding(client, secret, now)
          return {
            key: secret.kid,
            accessKey: secret.accessKey,
            ...(fault && { fault }),
            ...(secret.notAfter !== undefined && { notAfter: secret.notAfter }),
            ...(secret.roles && { roles: secret.roles }),
          }
        }),
    freshIdentity(client, key, { audience }) {
      const secret = secretOf(client, kind, key)
      return secret && identityOf(client, secret, audience)
    },
  }
}
