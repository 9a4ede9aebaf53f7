import type { AccessKey, Algorithm } from '../api/access-key.ts'
import { apiVersion } from '../api/kind.ts'
import { writeApiKey, writeStaticSecret } from '../secret/presented.ts'
import { withTemplate } from './secret-template.ts'

/** Kubernetes type of every Secret that holds a key of ours: Service Binding's `servicebinding.io/<type>`. */
export const secretType = 'servicebinding.io/latchkey'

/** Who the Secret belongs to, and when its key was minted: seconds since epoch, larger is newer. */
export const secretAnnotations = {
  ownerUid: 'latchkey.dev/owner-uid',
  ownerName: 'latchkey.dev/access-key',
  /** Tells a Secret that was restored from one that was copied from elsewhere. Absent on those that 0.1.0 wrote last. */
  ownerNamespace: 'latchkey.dev/access-key-namespace',
  keyNumber: 'latchkey.dev/key-number',
  /** The first key of its AccessKey was minted by a release that rotates: decision 62. */
  rotationDefault: 'latchkey.dev/rotation-default',
} as const

const managedBy = { 'app.kubernetes.io/managed-by': 'latchkey' }
const algorithmNames: Readonly<Record<Algorithm, string>> = { Ed25519: 'EdDSA', ES256: 'ES256', RS256: 'RS256' }

export interface SecretOwner {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}

/** A Secret as the API server serves it; `data` is base64. */
export interface SecretObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly type?: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid?: string
    readonly resourceVersion?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences?: readonly SecretOwner[]
  }
  readonly data?: Readonly<Record<string, string>>
  readonly immutable?: boolean
}

/** What only its owner has. Never logged, never in a message. */
export type KeyMaterial = PairMaterial | SecretMaterial

/** A private key in both forms. */
export interface PairMaterial {
  readonly kid: string
  /** Private JWK, RFC 7517 members of the key only. */
  readonly privateJwk: Readonly<Record<string, unknown>>
  /** PKCS#8. */
  readonly privatePem: string
}

/** A secret, which is sent as it is. */
export interface SecretMaterial {
  readonly kid: string
  readonly secret: string
}

/** What stands beside the key: all of it can be computed again. */
export interface SecretSurroundings {
  readonly clientId: string
  /** `iss` of the client's tokens. */
  readonly clientIssuer: string
  /** The installation's issuer URL. */
  readonly issuer: string
  /** PEM bundle. */
  readonly ca: string
}

/** The files of a Secret, base64: those of the key, and what stands beside it. */
export function secretFiles(
  material: KeyMaterial,
  { type, algorithm = 'Ed25519' }: Pick<AccessKey['spec'], 'type' | 'algorithm'>,
  surroundings: SecretSurroundings,
): Record<string, string> {
  const { clientId, issuer, ca } = surroundings
  const files = {
    type: 'latchkey',
    provider: 'latchkey',
    'client-id': clientId,
    'key-id': material.kid,
    ...('secret' in material
      ? { secret: sentAs(material, type, clientId) }
      : pairFiles(material, algorithm, surroundings)),
    issuer,
    'ca.crt': ca,
  }
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]))
}

/** A secret as it is sent: a static one behind `Bearer`, an API key in its header, a client secret as it is. */
function sentAs({ kid: keyId, secret }: SecretMaterial, type: AccessKey['spec']['type'], clientId: string): string {
  if (type === 'StaticSecret') return writeStaticSecret({ clientId, keyId, secret })
  return type === 'ApiKey' ? writeApiKey({ keyId, secret }) : secret
}

/** `private.jwk` is enough by itself: it says who signs, and as which issuer. */
function pairFiles(
  material: PairMaterial,
  algorithm: Algorithm,
  { clientId, clientIssuer }: SecretSurroundings,
): { readonly 'private.jwk': string; readonly 'private.pem': string } {
  const jwk = {
    ...material.privateJwk,
    kid: material.kid,
    alg: algorithmNames[algorithm],
    client_id: clientId,
    issuer: clientIssuer,
  }
  return { 'private.jwk': JSON.stringify(jwk), 'private.pem': material.privatePem }
}

/** The text of one file of a Secret. */
export function secretFile(secret: SecretObject, name: string): string | undefined {
  const encoded = secret.data?.[name]
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString()
}

/** The Secrets of an AccessKey by what they are for, each with its name. */
const secretNames = {
  /** What the client mounts: the key in use. */
  mounted: ({ spec, metadata }: AccessKey): string => spec.secretName ?? metadata.name,
  /** The next key, until it takes the place of the mounted one. Nobody mounts it. */
  staged: ({ spec, metadata }: AccessKey): string => `${spec.secretName ?? metadata.name}-next`,
}

/** Of an object, in characters; and so that the Secret of the next key has room for its end. */
export const longestName = 253
export const longestSecretName = longestName - '-next'.length

export type SecretSlot = keyof typeof secretNames

export const secretSlots = Object.keys(secretNames) as SecretSlot[]

/** Name of the Secret in a slot. */
export function secretNameOf(accessKey: AccessKey, slot: SecretSlot = 'mounted'): string {
  return secretNames[slot](accessKey)
}

/** Later no key is minted, and what is valid for longest from then on still ends at a time that can be written. */
const latestNumber = Date.UTC(3000, 0, 1) / 1_000

/** The key number of a Secret; undefined when there is none or it is no time of a key. Anybody may have written it who writes Secrets. */
export function keyNumberOf(secret: SecretObject): number | undefined {
  const text = secret.metadata.annotations?.[secretAnnotations.keyNumber]
  if (text === undefined || !/^\d{1,12}$/.test(text)) return undefined
  return Number(text) <= latestNumber ? Number(text) : undefined
}

/** Whether the Secret belongs to this very AccessKey: a controller decides, and without one our annotation. */
export function isOwnedBy(secret: SecretObject, accessKey: AccessKey): boolean {
  const { uid } = accessKey.metadata
  if (uid === undefined || secret.type !== secretType) return false
  const controller = secret.metadata.ownerReferences?.find(owner => owner.controller)
  return (controller ? controller.uid : secret.metadata.annotations?.[secretAnnotations.ownerUid]) === uid
}

/**
 * The whole Secret as it should be. Labels, annotations, owners and files of others are kept.
 * With deletionPolicy Orphan the mounted one has no owner reference, so that the garbage collector leaves it.
 * @param previous what is there now; its uid and resourceVersion make the write conditional
 */
export function desiredSecret(
  accessKey: AccessKey,
  content: {
    readonly slot: SecretSlot
    readonly files: Readonly<Record<string, string>>
    readonly keyNumber?: number
    readonly rotationDefault?: 'ByClientType'
  },
  previous?: SecretObject,
): SecretObject {
  const { name, namespace, uid = '' } = accessKey.metadata
  const { secretTemplate, deletionPolicy = 'Delete' } = accessKey.spec
  // Policies ask for labels. Annotations are what controllers go by that copy Secrets: the next key is not to be copied.
  const { labels, annotations } = secretTemplate ?? {}
  const marks = content.slot === 'staged' ? { labels } : { labels, annotations }
  const template = withTemplate(marks, previous?.metadata)
  const owners = (previous?.metadata.ownerReferences ?? []).filter(owner => owner.uid !== uid)
  const owner = { apiVersion, kind: 'AccessKey', name, uid, controller: true, blockOwnerDeletion: false }
  const isOwned = deletionPolicy === 'Delete' || content.slot === 'staged'
  const ownerReferences = isOwned ? [...owners, owner] : owners
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: secretType,
    metadata: {
      name: secretNameOf(accessKey, content.slot),
      ...(namespace !== undefined && { namespace }),
      ...(previous?.metadata.uid !== undefined && { uid: previous.metadata.uid }),
      ...(previous?.metadata.resourceVersion !== undefined && { resourceVersion: previous.metadata.resourceVersion }),
      labels: { ...template.labels, ...managedBy },
      annotations: {
        ...template.annotations,
        [secretAnnotations.ownerUid]: uid,
        [secretAnnotations.ownerName]: name,
        ...(namespace !== undefined && { [secretAnnotations.ownerNamespace]: namespace }),
        ...(content.keyNumber !== undefined && { [secretAnnotations.keyNumber]: String(content.keyNumber) }),
        ...(content.rotationDefault && { [secretAnnotations.rotationDefault]: content.rotationDefault }),
      },
      ...(ownerReferences.length > 0 && { ownerReferences }),
    },
    data: { ...content.files },
    ...(previous?.immutable && { immutable: true }),
  }
}
