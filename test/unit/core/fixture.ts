import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { Algorithm, PublicJwk } from '../../../core/api/access-key.ts'
import type { Identity } from '../../../core/base/identity.ts'
import { verifyToken } from '../../../core/credential/verify.ts'
import { algorithms } from '../../../core/jose/algorithms.ts'
import { thumbprint } from '../../../core/jose/jwk.ts'
import type { Decision } from '../../../core/policy/decision.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import type {
  ClientRow,
  ClusterRow,
  GrantRow,
  KeyRow,
  RoleRow,
  RuleRow,
  SecretRow,
  ServiceRow,
} from '../../../core/rows/rows.ts'
import { createSnapshotBuilder, type Snapshot } from '../../../core/snapshot/snapshot.ts'
import { knownSecrets } from './secret/secrets.ts'

/** 2027-01-15T08:00:00Z: no test looks at a clock. */
export const now = 1_800_000_000
export const audience = 'https://orders.shop.svc'
export const clientId = 'sc_aaaaaaaaaaaaaaaaaaaaaaaaaa'
export const issuer = `https://issuer.example/default/v1/clients/${clientId}`

export interface KeyPair {
  readonly algorithm: Algorithm
  readonly kid: string
  readonly publicKey: PublicJwk
  readonly privateKey: KeyObject
}

/** An Ed25519 key pair that depends on the name only. */
export function ed25519Key(name: string): KeyPair {
  const seed = createHash('sha256').update(name).digest()
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  return keyPair('Ed25519', createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
}

export function keyPair(algorithm: Algorithm, privateKey: KeyObject): KeyPair {
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
  const members = algorithms[algorithm].members.map(member => [member, jwk[member]])
  const publicKey = Object.fromEntries(members) as PublicJwk
  return { algorithm, kid: thumbprint(publicKey), publicKey, privateKey }
}

/** The key of RFC 7515 appendix A.3. */
export const es256Key = keyPair(
  'ES256',
  createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
      d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
    },
  }),
)

export const mainKey = ed25519Key('main')

export function part(value: unknown): string {
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** Signs whatever it is given: header and payload as objects, or as text that need not be JSON. */
export function signToken(header: unknown, payload: unknown, key: KeyPair = mainKey): string {
  const input = `${part(header)}.${part(payload)}`
  return `${input}.${signatureOver(input, key).toString('base64url')}`
}

export function signatureOver(input: string, { algorithm, privateKey }: KeyPair): Buffer {
  const options = algorithm === 'ES256' ? { key: privateKey, dsaEncoding: 'ieee-p1363' as const } : privateKey
  return sign(algorithms[algorithm].hash, Buffer.from(input), options)
}

export function headerOf(key: KeyPair = mainKey): Record<string, unknown> {
  return { alg: algorithms[key.algorithm].writes, typ: 'at+jwt', kid: key.kid }
}

export function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: issuer,
    sub: clientId,
    client_id: clientId,
    aud: audience,
    iat: now,
    exp: now + 300,
    jti: 'token-1',
    ...changes,
  }
}

/** A good token of the main client, with these claims changed; undefined takes a claim away. */
export function clientToken(changes: Record<string, unknown> = {}, key: KeyPair = mainKey): string {
  return signToken(headerOf(key), claims(changes), key)
}

export function serviceRow(changes: Partial<ServiceRow> = {}): ServiceRow {
  return {
    type: 'service',
    namespace: 'shop',
    name: 'orders',
    audience,
    accepts: ['ClientToken', 'ServiceAccountToken'],
    public: [],
    routes: [],
    mode: 'Enforce',
    maxStalenessSeconds: 86_400,
    directAccess: 'Refuse',
    keepCredential: 'Never',
    ...changes,
  }
}

export function keyRow(key: KeyPair = mainKey, changes: Partial<KeyRow> = {}): KeyRow {
  return {
    kid: key.kid,
    accessKey: 'main',
    algorithm: key.algorithm,
    publicKey: key.publicKey,
    notBefore: now - 3_600,
    ...changes,
  }
}

/** What is known of the secret of 32 bytes of 0: see secret/secrets.ts. */
export function secretRow(changes: Partial<SecretRow> = {}): SecretRow {
  const [{ keyId, hash }] = knownSecrets
  return { kid: keyId, accessKey: 'old-caller', kind: 'StaticSecret', hash, notBefore: now - 3_600, ...changes }
}

export function clientRow(changes: Partial<ClientRow> = {}): ClientRow {
  return {
    type: 'client',
    clientId,
    namespace: 'billing',
    name: 'invoices',
    issuer,
    createdAt: now - 7_200,
    suspended: false,
    keys: [keyRow()],
    ...changes,
  }
}

export function roleRow(name: string, ...rules: Omit<RuleRow, 'index'>[]): RoleRow {
  return { type: 'role', name, rules: rules.map((rule, index) => ({ index, ...rule })) }
}

export function grantRow(name: string, role: string, changes: Partial<GrantRow> = {}): GrantRow {
  return { type: 'grant', name, role, clients: [clientId], ...changes }
}

/** A slice that lets the main client read orders. */
export function usualRows(): unknown[] {
  return [
    serviceRow(),
    roleRow('reader', { methods: ['GET'], paths: ['/orders/**'] }),
    grantRow('read', 'reader'),
    clientRow(),
  ]
}

export function snapshotOf(rows: readonly unknown[]): Snapshot {
  const builder = createSnapshotBuilder()
  const outcome = builder.apply({ full: { rows: rows as never }, seen: {}, hash: sliceHash(rows) })
  const snapshot = builder.snapshot()
  if (outcome !== 'applied' || !snapshot) throw new Error(`the rows of this test make no snapshot: ${outcome}`)
  return snapshot
}

/** Proves a token that the test believes in. */
export function identityOf(snapshot: Snapshot, token: string = clientToken()): Identity {
  const identity = verifyToken(token, snapshot, now)
  if (typeof identity === 'string') throw new Error(`the token of this test is refused: ${identity}`)
  return identity
}

/** What is decided, where whom it names is no question. */
export function withoutIdentity({ identity: _, ...decision }: Decision): Decision {
  return decision as Decision
}

export const clusterIssuer = 'https://kubernetes.default.svc.cluster.local'

export function clusterRow(key: KeyPair): ClusterRow {
  if (key.algorithm === 'Ed25519') throw new Error('Kubernetes signs with RS256 or ES256')
  return {
    type: 'cluster',
    issuer: clusterIssuer,
    keys: [{ kid: key.kid, alg: key.algorithm, publicKey: key.publicKey }],
  }
}
