import { maxChecks } from '../check/read-checks.ts'

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const time = { type: 'integer', description: 'seconds since epoch' }
const assertion = {
  client_id: text,
  client_assertion_type: { const: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
  client_assertion: { type: 'string', description: 'a JWT that a key of the client signed; used once' },
}

/** What requests and answers are made of. */
export const schemas = {
  Problem: {
    type: 'object',
    required: ['title', 'status', 'code'],
    properties: { title: text, status: { type: 'integer' }, code: text, detail: text },
  },
  OAuthError: {
    type: 'object',
    required: ['error'],
    properties: { error: text, error_description: text },
  },
  Discovery: {
    type: 'object',
    required: ['issuer', 'jwks_uri'],
    properties: {
      ...{
        issuer: text,
        jwks_uri: text,
        token_endpoint: text,
        introspection_endpoint: text,
        revocation_endpoint: text,
      },
      latchkey_check_endpoint: { type: 'string', description: 'of the installation alone' },
    },
  },
  KeySet: {
    type: 'object',
    required: ['keys'],
    properties: { keys: { type: 'array', items: { type: 'object' } } },
  },
  TokenRequest: {
    type: 'object',
    required: ['grant_type'],
    properties: { grant_type: text, scope: text, resource: text, ...assertion },
  },
  TokenAnswer: {
    type: 'object',
    required: ['access_token', 'token_type', 'expires_in'],
    properties: { access_token: text, token_type: { const: 'Bearer' }, expires_in: { type: 'integer' }, scope: text },
  },
  GivenToken: {
    type: 'object',
    required: ['token'],
    properties: { token: text, ...assertion },
  },
  Introspection: {
    type: 'object',
    required: ['active'],
    properties: {
      active: { type: 'boolean' },
      ...{ iss: text, sub: text, client_id: text, aud: text, jti: text, scope: text },
      ...{ iat: time, exp: time, roles: texts },
    },
  },
  Checks: {
    type: 'object',
    required: ['service', 'checks'],
    additionalProperties: false,
    properties: {
      service: { type: 'string', description: 'namespace/name of the GuardedService' },
      checks: { type: 'array', minItems: 1, maxItems: maxChecks, items: { $ref: '#/components/schemas/Check' } },
    },
  },
  Check: {
    type: 'object',
    additionalProperties: false,
    description: 'About a call, by method and path, or about a permission',
    properties: {
      authorization: { type: 'string', description: 'the Authorization field as it came' },
      apiKey: { type: 'string', description: 'what stood in the header or query parameter of spec.apiKey' },
      method: { type: 'string', minLength: 1 },
      path: { type: 'string', description: 'the target as it came, with its query' },
      permission: {
        type: 'object',
        required: ['action', 'resource'],
        additionalProperties: false,
        properties: { action: text, resource: { type: 'string', minLength: 1, maxLength: 512 } },
      },
    },
    oneOf: [{ required: ['method', 'path'] }, { required: ['permission'] }],
  },
  CheckResults: {
    type: 'object',
    required: ['service', 'results'],
    properties: {
      service: text,
      revision: { type: 'string', description: 'of the policy that was decided from' },
      results: { type: 'array', items: { $ref: '#/components/schemas/CheckResult' } },
    },
  },
  CheckResult: {
    type: 'object',
    required: ['pass', 'decision', 'reason', 'status'],
    properties: {
      pass: { type: 'boolean', description: 'allowed, or let through by audit mode' },
      decision: { enum: ['allow', 'deny'] },
      reason: { type: 'string', description: 'as in Latchkey-Decision' },
      status: { type: 'integer' },
      ...{ detail: text, missing: text, rule: text, grant: text, route: text, roles: texts },
      challenge: { type: 'string', description: 'for WWW-Authenticate' },
      attributes: { type: 'object', additionalProperties: text },
      client: {
        type: 'object',
        required: ['id', 'name', 'subject', 'key', 'credential', 'scopes'],
        properties: { id: text, name: text, subject: text, key: text, credential: text, scopes: texts },
      },
    },
  },
} as const
