import { z } from 'zod'
import { accessKeyConditions } from './access-key-conditions.ts'
import {
  type ApiObject,
  ageColumn,
  enforcedColumn,
  type KindDefinition,
  lastUsedColumn,
  readyColumn,
  reasonColumn,
} from './kind.ts'
import { rotation, rotationRules } from './rotation.ts'
import {
  described,
  duration,
  isDuration,
  lastUsedAt,
  namespacedReference,
  objectReference,
  statusBase,
  subdomain,
  text,
  time,
  timestamp,
} from './schema.ts'
import { secretRules, secretTypes } from './secret-types.ts'
import { worded } from './worded.ts'

type Base64url = (max: number) => z.ZodString
const base64url: Base64url = max =>
  z
    .string()
    .max(max)
    .regex(/^[A-Za-z0-9_-]*$/)
/** As people write it. With padding it is longer, and is told so in a sentence; the number of bytes is the webhook's to check. */
const written: Base64url = max =>
  worded(
    z
      .string()
      .max(max + 2)
      .regex(/^[A-Za-z0-9_-]+$/),
    'members of a JWK are base64url without padding: letters, digits, - and _, and no = at the end',
  )
const refused = (name: string) =>
  described(z.string().max(1024), `Not allowed: ${name} is a private member.`).optional()

/** What tools write beside the key: RFC 7517 section 4, WebCrypto, certificates. */
const ignored = 'Ignored: what counts are the public members.'

const publicJwk = (base64: Base64url) => ({
  kty: described(z.enum(['OKP', 'EC', 'RSA']), 'Key type: RFC 7517 section 4.1.'),
  crv: described(z.enum(['Ed25519', 'P-256']), 'Curve, for OKP and EC.').optional(),
  x: described(base64(43), 'Public point, x.').optional(),
  y: described(base64(43), 'Public point, y, for EC.').optional(),
  n: described(base64(683), 'Modulus, for RSA: 2048 to 4096 bits.').optional(),
  e: described(base64(8), 'Exponent, for RSA: 65537 (`AQAB`).').optional(),
})

const brought = described(
  z.strictObject({
    ...publicJwk(written),
    kid: described(text(1024), 'Ignored: the key id is the RFC 7638 thumbprint.').optional(),
    alg: described(text(16), 'spec.algorithm decides; when given it must fit.').optional(),
    use: described(z.enum(['sig']), 'Use of the key.').optional(),
    key_ops: described(z.array(text(32)).max(16), ignored, { 'x-kubernetes-list-type': 'atomic' }).optional(),
    ext: described(z.boolean(), ignored).optional(),
    x5c: described(z.array(text(16_384)).max(8), ignored, { 'x-kubernetes-list-type': 'atomic' }).optional(),
    x5t: described(text(128), ignored).optional(),
    'x5t#S256': described(text(128), ignored).optional(),
    x5u: described(text(2_048), ignored).optional(),
    d: refused('d'),
    p: refused('p'),
    q: refused('q'),
    dp: refused('dp'),
    dq: refused('dq'),
    qi: refused('qi'),
    k: refused('k'),
  }),
  'A public key of your own (JWK). No Secret is minted.',
  {
    'x-kubernetes-validations': [
      {
        rule: '!has(self.d) && !has(self.p) && !has(self.q) && !has(self.dp) && !has(self.dq) && !has(self.qi) && !has(self.k)',
        message:
          'publicKey must hold public members only: remove d, p, q, dp, dq, qi and k, and treat that key as leaked',
      },
    ],
  },
)

/** What the API server asks of the names of labels and annotations; it would refuse the Secret, not the AccessKey. */
const qualifiedName = () =>
  z
    .string()
    .max(317)
    .regex(
      /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
    )
const named = (what: string) => ({
  maxProperties: 32,
  'x-kubernetes-validations': [
    {
      rule: 'self.all(key, !format.qualifiedName().validate(key).hasValue())',
      message: `${what} must have names that Kubernetes takes, for example team or example.com/team`,
    },
  ],
})
const secretTemplate = z.strictObject({
  labels: described(
    z.record(
      qualifiedName(),
      z
        .string()
        .max(63)
        .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/),
    ),
    'Labels of the Secret, and of that of the next key. One that is taken out here is taken off.',
    named('labels'),
  ).optional(),
  annotations: described(
    z.record(qualifiedName(), z.string().max(1024)),
    'Annotations of the Secret that clients mount; never of that of the next key. One that is taken out here is taken off.',
    named('annotations'),
  ).optional(),
})

const spec = described(
  z.strictObject({
    clientRef: described(objectReference('ApiClient'), 'The client this key belongs to. Immutable.'),
    type: described(
      z.enum(['KeyPair', ...secretTypes]),
      'Kind of credential. KeyPair signs tokens. The others are secrets that are sent as they are, for callers that cannot sign: StaticSecret as bearer token, ApiKey in a header or a query, ClientSecret at a token endpoint. Immutable.',
    ).default('KeyPair'),
    algorithm: described(z.enum(['Ed25519', 'ES256', 'RS256']), 'Signature algorithm of a KeyPair. Immutable.').default(
      'Ed25519',
    ),
    publicKey: brought.optional(),
    secretName: described(
      subdomain(),
      'Secret that receives the key. Immutable. Default: the name of the AccessKey.',
    ).optional(),
    secretTemplate: described(secretTemplate, 'Labels and annotations for the Secret.').optional(),
    roles: described(
      z.array(namespacedReference('Role')).min(1).max(32),
      'Narrows the key to these roles of the client. Left out, every role of the client counts.',
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['namespace', 'name'] },
    ).optional(),
    services: described(
      z.array(namespacedReference('GuardedService')).min(1).max(16),
      'The services that take this StaticSecret or ApiKey: whoever receives it can send it on, so no others get its hash.',
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['namespace', 'name'] },
    ).optional(),
    validity: described(duration(), 'How long each minted key lives, from its minting.').optional(),
    expiresAt: described(time(), 'When every key of this object ends.').optional(),
    rotation: described(rotation, 'When the key is replaced by another one, with both valid for a while.').optional(),
    keysNotBefore: described(
      time(),
      'Keys minted before this moment are revoked at once and a new one is minted: the answer to a leak.',
    ).optional(),
    revoked: described(
      z.strictObject({ reason: described(text(256), 'Why, for people who read it later.').optional() }),
      'Present: every key of this object is refused for ever. It cannot be taken back.',
    ).optional(),
    deletionPolicy: described(
      z.enum(['Delete', 'Orphan']),
      'What happens to the Secret when this object is deleted.',
    ).default('Delete'),
  }),
  'One credential of a client.',
  {
    'x-kubernetes-validations': [
      ...secretRules,
      { rule: '!(has(self.validity) && has(self.expiresAt))', message: 'set validity or expiresAt, not both' },
      {
        rule: 'self.clientRef == oldSelf.clientRef',
        message: 'clientRef is immutable: create another AccessKey',
        fieldPath: '.clientRef',
      },
      {
        rule: 'self.algorithm == oldSelf.algorithm',
        message: 'algorithm is immutable: create another AccessKey',
        fieldPath: '.algorithm',
      },
      {
        rule: 'has(oldSelf.secretName) == has(self.secretName) && (!has(self.secretName) || self.secretName == oldSelf.secretName)',
        message: 'secretName is immutable: create another AccessKey',
      },
      {
        rule: 'has(oldSelf.publicKey) == has(self.publicKey)',
        message: 'publicKey cannot be added or removed later: create another AccessKey',
      },
      {
        rule: '!has(oldSelf.revoked) || has(self.revoked)',
        message: 'revoked cannot be taken back: create another AccessKey',
      },
      {
        rule: '!(has(self.publicKey) && has(self.secretName))',
        message: 'secretName has no meaning with publicKey: no Secret is minted',
      },
      {
        rule: "!has(self.publicKey) || (self.algorithm == 'Ed25519' ? self.publicKey.kty == 'OKP' && has(self.publicKey.crv) && self.publicKey.crv == 'Ed25519' : self.algorithm == 'ES256' ? self.publicKey.kty == 'EC' && has(self.publicKey.crv) && self.publicKey.crv == 'P-256' : self.publicKey.kty == 'RSA')",
        message:
          'publicKey does not fit algorithm: Ed25519 takes kty OKP with crv Ed25519, ES256 takes EC with P-256, RS256 takes RSA',
      },
      {
        rule: `!has(self.validity) || !${isDuration('validity')} || duration(self.validity) >= duration('1h')`,
        message: 'validity must be at least 1h',
        fieldPath: '.validity',
      },
      ...rotationRules,
    ],
  },
)

const publishedKey = z.strictObject({
  kid: described(z.string().max(64), 'RFC 7638 thumbprint; of a secret, acc_ and the beginning of its hash.'),
  state: described(z.enum(['Pending', 'Active', 'Retiring', 'Revoked', 'Expired']), 'Where the key is in its life.'),
  publicKey: described(z.strictObject(publicJwk(base64url)), 'Public half of a KeyPair.').optional(),
  secretHash: described(
    z
      .string()
      .max(43)
      .regex(/^[A-Za-z0-9_-]{43}$/),
    'SHA-256 of a secret, base64url.',
  ).optional(),
  notBefore: described(timestamp(), 'Minted or first seen at.'),
  notAfter: described(timestamp(), 'Refused from then on.').optional(),
  publishedAt: described(timestamp(), 'First published at. Absent on keys that 0.1.0 published.').optional(),
})

const status = z.strictObject({
  ...statusBase,
  lastUsedAt,
  state: described(
    z.enum(['Pending', 'Active', 'Suspended', 'Revoked', 'Expired', 'Refused']),
    'What the key can do now.',
  ).optional(),
  clientId: described(z.string().max(127), 'Client id of the client.').optional(),
  keyId: described(z.string().max(64), '`kid` of the key in the Secret.').optional(),
  keys: described(z.array(publishedKey).max(16), 'Public halves, by kid.', {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['kid'],
  }).optional(),
  secretName: described(z.string().max(253), 'Secret that holds the key.').optional(),
  expiresAt: described(z.string().max(40), 'When the key in the Secret ends.').optional(),
  renewalTime: described(z.string().max(40), 'When the next key takes the place of the one in the Secret.').optional(),
  rotates: described(
    z.string().max(40),
    'The same for people: the day and, once it is near, within how many days it comes.',
  ).optional(),
  rotationDefault: described(
    z.enum(['ByClientType']),
    'What holds without spec.rotation. ByClientType: the key of a Workload rotates. Absent: none does, for its first key was minted by 0.1.0.',
  ).optional(),
  binding: described(
    z.strictObject({ name: described(z.string().max(253), 'Name of the Secret.') }),
    'Service Binding: the Provisioned Service contract.',
  ).optional(),
})

export type AccessKeySpec = z.input<typeof spec>
export type AccessKeyStatus = z.infer<typeof status>
export type PublishedKey = z.infer<typeof publishedKey>
export type PublicJwk = NonNullable<PublishedKey['publicKey']>
export type AccessKey = ApiObject<AccessKeySpec, AccessKeyStatus>
export type Algorithm = 'Ed25519' | 'ES256' | 'RS256'

export const accessKey: KindDefinition = {
  kind: 'AccessKey',
  plural: 'accesskeys',
  singular: 'accesskey',
  shortNames: ['akey'],
  description: 'An AccessKey is one credential of an ApiClient in the same namespace.',
  spec,
  status,
  columns: [
    { name: 'Client', type: 'string', jsonPath: '.spec.clientRef.name', description: 'Its ApiClient.' },
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Kind of credential.' },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'What the key can do.' },
    { name: 'Expires', type: 'string', jsonPath: '.status.expiresAt', description: 'End of the key.' },
    { name: 'Rotates', type: 'string', jsonPath: '.status.rotates', description: 'When the next key is due.' },
    readyColumn,
    reasonColumn,
    ageColumn,
    { name: 'Kid', type: 'string', jsonPath: '.status.keyId', description: 'Key id.', priority: 1 },
    {
      name: 'Secret',
      type: 'string',
      jsonPath: '.status.binding.name',
      description: 'Secret with the key.',
      priority: 1,
    },
    lastUsedColumn,
    enforcedColumn,
  ],
  conditions: accessKeyConditions,
}
