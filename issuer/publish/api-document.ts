import { version } from '../../platform/version.ts'
import { maxCheckBytes, maxChecks } from '../check/read-checks.ts'
import { schemas } from './api-schemas.ts'

const content = (name: keyof typeof schemas, type = 'application/json') => ({
  content: { [type]: { schema: { $ref: `#/components/schemas/${name}` } } },
})
const answer = (description: string, name: keyof typeof schemas, type?: string) => ({
  description,
  ...content(name, type),
})
const problem = (description: string) => answer(description, 'Problem', 'application/problem+json')
const oauthFault = (description: string) => answer(description, 'OAuthError')

const documentProblems = {
  404: problem('There is nothing here'),
  405: problem('The document can only be read'),
  503: problem('Not everything is loaded yet'),
}

const read = (summary: string, name: keyof typeof schemas) => ({
  get: { summary, responses: { 200: answer(summary, name), 304: { description: 'As it was' }, ...documentProblems } },
})

const oauthFaults = {
  400: oauthFault('The request, the scope or the resource is wrong'),
  401: oauthFault('The client did not prove who it is'),
  404: problem('There is no such authorization server'),
  405: oauthFault('Not POST'),
  413: oauthFault('The body is too long'),
  415: oauthFault('The body is no form in UTF-8'),
  429: oauthFault('Too many requests of one peer'),
  503: oauthFault('Nothing can be said now: try again'),
}

const form = (name: keyof typeof schemas) => ({ required: true, ...content(name, 'application/x-www-form-urlencoded') })
const post = (summary: string, body: keyof typeof schemas, success: object) => ({
  post: { summary, requestBody: form(body), responses: { 200: success, ...oauthFaults } },
})

const check = {
  post: {
    summary: 'Decides as the guard of a service would',
    description: `For service accounts with the verb enforce on the GuardedService. At most ${maxChecks} checks and ${maxCheckBytes} bytes at once.`,
    security: [{ serviceAccount: [] }],
    requestBody: { required: true, ...content('Checks') },
    responses: {
      200: answer('What is decided, in the order of the checks', 'CheckResults'),
      400: problem('The body is none that can be read in one way'),
      401: problem('No service account token for the issuer'),
      403: problem('The verb enforce is missing'),
      404: problem('There is no such GuardedService'),
      405: problem('Not POST'),
      413: problem('The body is too large'),
      415: problem('The body is no JSON in UTF-8'),
      429: problem('Too many requests of one peer'),
      503: problem('Nothing can be decided now: try again'),
    },
  },
}

const serviceParameters = ['namespace', 'name'].map(name => ({
  name,
  in: 'path',
  required: true,
  schema: { type: 'string', pattern: name === 'name' ? '^[a-z0-9.-]{1,253}$' : '^[a-z0-9-]{1,63}$' },
}))

const oauthPaths = (at: string, servers: object) => ({
  [`${at}/oauth/token`]: {
    ...servers,
    ...post('Gives an access token', 'TokenRequest', answer('The token', 'TokenAnswer')),
  },
  [`${at}/oauth/introspect`]: {
    ...servers,
    ...post('Says whether a token counts', 'GivenToken', answer('What it says, if it counts', 'Introspection')),
  },
  [`${at}/oauth/revoke`]: {
    ...servers,
    ...post('Takes a token back', 'GivenToken', { description: 'It is revoked, or was no token of this client' }),
  },
})

/** What this issuer answers to, for programs: OpenAPI 3.1. @see docs/tokens.md, docs/check.md */
export function apiDocumentOf({
  issuerUrl,
  tokenUrl,
}: {
  readonly issuerUrl: string
  readonly tokenUrl: string
}): object {
  const ported = { servers: [{ url: tokenUrl }] }
  const services = '/services/{namespace}/{name}'
  const ofService = (paths: object) =>
    Object.fromEntries(
      Object.entries(paths).map(([path, item]) => [path, { parameters: serviceParameters, ...(item as object) }]),
    )
  const clientParameter = [
    { name: 'clientId', in: 'path', required: true, schema: { type: 'string', pattern: '^[a-z0-9._-]{1,127}$' } },
  ]
  return {
    openapi: '3.1.0',
    info: { title: 'Latchkey issuer', version },
    servers: [{ url: issuerUrl }],
    paths: {
      '/.well-known/openid-configuration': read('Discovery', 'Discovery'),
      '/.well-known/oauth-authorization-server': read('Discovery', 'Discovery'),
      '/.well-known/jwks.json': read('Keys of the issuer', 'KeySet'),
      ...ofService({
        [`${services}/.well-known/openid-configuration`]: read('Discovery of a service', 'Discovery'),
        [`${services}/.well-known/jwks.json`]: read('Keys of the issuer', 'KeySet'),
      }),
      '/v1/clients/{clientId}/.well-known/openid-configuration': {
        parameters: clientParameter,
        ...read('Discovery of a client', 'Discovery'),
      },
      '/v1/clients/{clientId}/.well-known/jwks.json': {
        parameters: clientParameter,
        ...read('Keys of a client', 'KeySet'),
      },
      ...oauthPaths('', ported),
      ...ofService(oauthPaths(services, ported)),
      '/v1/check': { ...ported, ...check },
    },
    components: {
      schemas,
      securitySchemes: {
        serviceAccount: {
          type: 'http',
          scheme: 'bearer',
          description: 'A projected service account token whose audience is the issuer URL',
        },
      },
    },
  }
}
