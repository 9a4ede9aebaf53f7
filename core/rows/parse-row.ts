import { credentialKinds, secretKinds } from '../base/credential-kinds.ts'
import { isRecord } from '../base/is-record.ts'
import { methods } from '../base/methods.ts'
import { isHash } from '../secret/secret.ts'
import { rowHash } from './hash.ts'
import type { Row } from './rows.ts'

/** A row of which this version does not know every field: what it touches is denied. */
export interface UnsupportedRow {
  readonly unsupported: string
  /** The release that knows it, where the row says so. */
  readonly needs?: string
}

type Check = (value: unknown) => boolean

const text: Check = value => typeof value === 'string'
const number: Check = value => Number.isFinite(value)
const count: Check = value => Number.isSafeInteger(value) && Number(value) > 0
const flag: Check = value => typeof value === 'boolean'
const oneOf =
  (...known: readonly unknown[]): Check =>
  value =>
    known.includes(value)
const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check)
/** It ends in answers: nothing else may. */
const release: Check = value => typeof value === 'string' && /^\d{1,4}\.\d{1,4}\.\d{1,4}$/.test(value)
const textMap: Check = value => isRecord(value) && Object.values(value).every(text)

/** An object with these members and no others. */
function shape(required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check {
  const names = Object.keys(required)
  return value =>
    isRecord(value) &&
    names.every(name => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, member]) => {
      if (Object.hasOwn(required, name)) return required[name]?.(member)
      return Object.hasOwn(optional, name) && (member === undefined || optional[name]?.(member))
    })
}

const someMethods = listOf(oneOf(...methods))
const publicKey = shape({ kty: text }, { crv: text, x: text, y: text, n: text, e: text })
const comparison: Check = value =>
  isRecord(value) &&
  Object.keys(value).length === 1 &&
  shape(
    {},
    {
      attributeEquals: shape({ param: text, attribute: text }),
      organizationEquals: shape({ param: text }),
      scopeContains: shape({ scope: text }),
    },
  )(value)
const rule = shape(
  { index: number },
  {
    methods: someMethods,
    paths: listOf(text),
    permissions: listOf(shape({ action: text, resources: listOf(text) })),
    when: listOf(comparison),
  },
)
const key = shape(
  {
    kid: text,
    accessKey: text,
    algorithm: oneOf('Ed25519', 'ES256', 'RS256'),
    publicKey,
    notBefore: number,
  },
  { notAfter: number, revoked: oneOf(true), roles: listOf(text) },
)
const secret = shape(
  {
    kid: text,
    accessKey: text,
    kind: oneOf(...secretKinds),
    hash: value => typeof value === 'string' && isHash(value),
    notBefore: number,
  },
  { notAfter: number, revoked: oneOf(true), roles: listOf(text) },
)
const bounds = shape(
  { kid: text, accessKey: text, notBefore: number },
  { notAfter: number, revoked: oneOf(true), roles: listOf(text) },
)
const accessTokens = shape(
  { issuer: text, keys: listOf(shape({ kid: text, algorithm: oneOf('Ed25519', 'ES256', 'RS256'), publicKey })) },
  { unknownSince: number },
)
const route = shape(
  { name: text, path: text, methods: someMethods, variants: oneOf('Refuse', 'Distinct') },
  {
    permission: shape({ action: text, resource: text }),
    mode: oneOf('Enforce', 'Audit'),
    tags: textMap,
    needs: release,
  },
)

const rows: Readonly<Record<Row['type'], Check>> = {
  service: shape(
    {
      type: text,
      namespace: text,
      name: text,
      audience: text,
      accepts: listOf(oneOf(...credentialKinds)),
      public: listOf(shape({ path: text, methods: someMethods })),
      routes: listOf(route),
      mode: oneOf('Enforce', 'Audit'),
      maxStalenessSeconds: number,
      directAccess: oneOf('Refuse', 'Report'),
      keepCredential: oneOf('Never', 'Jwt'),
    },
    { apiKey: shape({}, { header: text, query: text }), accessTokens },
  ),
  role: shape({ type: text, name: text, rules: listOf(rule) }, { needs: release }),
  grant: shape(
    { type: text, name: text, role: text, clients: listOf(text) },
    { attributes: textMap, expiresAt: number, limit: shape({ requests: count, perSeconds: count }), needs: release },
  ),
  client: shape(
    {
      type: text,
      clientId: text,
      namespace: text,
      name: text,
      issuer: text,
      createdAt: number,
      suspended: flag,
      keys: listOf(key),
    },
    {
      organization: text,
      secrets: listOf(secret),
      serviceAccounts: listOf(shape({ name: text, uid: text, pods: listOf(text) })),
      accessTokens: shape({}, { revoked: listOf(text), revokedUpTo: number, clientSecrets: listOf(bounds) }),
    },
  ),
  cluster: shape({
    type: text,
    issuer: text,
    keys: listOf(shape({ kid: text, alg: oneOf('RS256', 'ES256'), publicKey })),
  }),
}

/**
 * A row as this version understands it, whole: a field, a value or a type that it does not know makes the row
 * unsupported, at any depth, because an older guard that skipped a field might allow what the field forbids.
 * Optional members may be undefined, so that rows need not go through JSON.
 * @returns the row itself, not a copy; or its key
 */
export function parseRow(value: unknown): Row | UnsupportedRow {
  if (!isRecord(value)) return { unsupported: 'unknown' }
  const { type } = value
  const check = typeof type === 'string' && Object.hasOwn(rows, type) ? rows[type as Row['type']] : undefined
  if (check?.(value)) return value as unknown as Row
  const { needs } = value
  return { unsupported: keyOf(value), ...(release(needs) && { needs: needs as string }) }
}

/** As `rowKey`, for what may be no row at all; where no key can be told, one that no other row has. */
function keyOf(row: Readonly<Record<string, unknown>>): string {
  const { type, name, clientId } = row
  if (typeof type !== 'string') return 'unknown'
  if (type === 'service' || type === 'cluster') return type
  const id = type === 'client' ? clientId : (name ?? clientId)
  return typeof id === 'string' ? `${type}/${id}` : `${type}#${rowHash(row).slice(0, 12)}`
}
