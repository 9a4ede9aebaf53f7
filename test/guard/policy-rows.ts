import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { thumbprint } from '../../core/jose/jwk.ts'
import type { ClientRow, GrantRow, KeyRow, RoleRow, Row, ServiceRow } from '../../core/rows/rows.ts'

export const issuer = 'https://issuer.test/default'
export const audience = 'https://orders.shop.svc'
export const service = 'shop/orders'

/** A client with one Ed25519 key, its rows, and the means to sign for it. */
export interface Caller {
  readonly clientId: string
  readonly key: KeyRow
  readonly row: ClientRow
  token(claims?: Record<string, unknown>, header?: Record<string, unknown>): string
}

const hour = 3_600
export const nowSeconds = (): number => Math.floor(Date.now() / 1_000)

export function createCaller(name: string, clientId = `sc_${name}`): Caller {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { x } = publicKey.export({ format: 'jwk' }) as { x: string }
  const jwk = { kty: 'OKP' as const, crv: 'Ed25519' as const, x }
  const key: KeyRow = {
    kid: thumbprint(jwk),
    accessKey: `${name}-key`,
    algorithm: 'Ed25519',
    publicKey: jwk,
    notBefore: nowSeconds() - hour,
  }
  const row: ClientRow = {
    type: 'client',
    clientId,
    namespace: 'callers',
    name,
    issuer: `${issuer}/v1/clients/${clientId}`,
    createdAt: nowSeconds() - hour,
    suspended: false,
    keys: [key],
  }
  return {
    clientId,
    key,
    row,
    token(claims = {}, header = {}) {
      const now = nowSeconds()
      const body = {
        iss: row.issuer,
        sub: clientId,
        client_id: clientId,
        aud: audience,
        iat: now,
        exp: now + 300,
        jti: randomUUID(),
        ...claims,
      }
      return compact({ typ: 'at+jwt', alg: 'EdDSA', kid: key.kid, ...header }, body, privateKey)
    },
  }
}

export function compact(header: object, claims: object, key: KeyObject): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const input = `${part(header)}.${part(claims)}`
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`
}

export function serviceRow(change: Partial<ServiceRow> = {}): ServiceRow {
  return {
    type: 'service',
    namespace: 'shop',
    name: 'orders',
    audience,
    accepts: ['ClientToken', 'ServiceAccountToken'],
    public: [{ path: '/open/**', methods: ['GET', 'HEAD'] }],
    routes: [],
    mode: 'Enforce',
    maxStalenessSeconds: 86_400,
    directAccess: 'Refuse',
    keepCredential: 'Never',
    ...change,
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Alice may do everything below /api; Bob is known and may do nothing. */
export const alice = createCaller('alice')
export const bob = createCaller('bob')
export const reader: RoleRow = {
  type: 'role',
  name: 'caller',
  rules: [{ index: 0, methods, paths: ['/api/**'] }],
}
export const grant: GrantRow = {
  type: 'grant',
  name: 'alice-calls',
  role: 'caller',
  clients: [alice.clientId],
  attributes: { tenant: 'acme', note: 'a, "b"\r\nX-Evil: 1' },
}

export function rowsOf(
  change: { service?: Partial<ServiceRow>; grant?: Partial<GrantRow>; alice?: Partial<ClientRow> } = {},
): Row[] {
  return [serviceRow(change.service), reader, { ...grant, ...change.grant }, { ...alice.row, ...change.alice }, bob.row]
}
