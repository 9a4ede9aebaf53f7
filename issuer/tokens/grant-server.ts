import { randomBytes } from 'node:crypto'
import { IncomingMessage, type ServerResponse } from 'node:http'
import { type Adapter, type Context, errors, Provider, type ResourceServer } from 'oidc-provider'
import { isRecord } from '../../core/base/is-record.ts'
import { durationSeconds } from '../../core/base/time.ts'
import { keyClaim, maxAccessTokenSeconds } from '../../core/credential/access-token-claims.ts'
import { isTime } from '../../core/credential/claims.ts'
import type { GrantedHere } from '../../core/registry/granted-here.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { Logger } from '../../platform/log.ts'
import type { Signer } from '../publish/signing-keys.ts'
import { grantedWithin, keyIdOf } from './granted-within.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import type { Form } from './read-form.ts'
import type { TokenBounds } from './token-bounds.ts'

/** Life of an access token, seconds. */
const defaultSeconds = 300

/** As the service says, where it can be read, and never longer than the issuer's keys are kept for. */
export function lifetimeOf({ service }: Pick<ResolvedService, 'service'>): number {
  const { accessTokenLifetime } = service.spec.oauth ?? {}
  const seconds = accessTokenLifetime === undefined ? defaultSeconds : durationSeconds(accessTokenLifetime)
  return seconds !== undefined && seconds > 0 && seconds <= maxAccessTokenSeconds ? seconds : defaultSeconds
}

/** Gives tokens of one issuer to clients that proved who they are, by oidc-provider. */
export interface GrantServer {
  /** Resolves when the answer was given. */
  answer(form: Form, client: ProvedClient, response: ServerResponse, bounds?: TokenBounds): Promise<void>
}

export interface GrantServerParts {
  readonly issuer: string
  /** The keys that sign, the preferred one first. */
  readonly signers: readonly [Signer, ...Signer[]]
  readonly clients: Pick<LiveClients, 'granted'>
  /** The services tokens can be for, as they are now. */
  readonly services: () => readonly ResolvedService[]
  /** Whether who names none means the only one there is. */
  readonly isOfOneService: boolean
  /** Seconds since epoch. */
  readonly now: () => number
  readonly log: Logger
}

/** What its own check of the client would look at; ours, done before, is the only one. */
const ourParameters = new Set(['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'])

/**
 * oidc-provider gets no request of a caller: it gets one we made, of a client that we know, and answers it. It keeps nothing,
 * and authenticates nobody.
 */
export function createGrantServer(parts: GrantServerParts): GrantServer {
  const { issuer, signers, clients, services, now, log } = parts
  const proved = new WeakMap<IncomingMessage, { readonly by: ProvedClient; readonly bounds: TokenBounds }>()
  const given = new WeakMap<Context, GrantedHere>()
  const [{ kid, alg }] = signers

  /** @throws errors that it answers with: invalid_target, invalid_scope */
  function resourceServer(context: Context, resource: string): ResourceServer {
    const { by, bounds } = proved.get(context.req) ?? {}
    // Compared as it was sent: a URL that means the same is another audience to every guard.
    const service = services().find(({ audience }) => audience === resource)
    if (!by || !bounds) throw new Error('a request that nobody proved')
    const granted = service && grantedWithin(clients, { service, by, bounds, now: now() })
    if (!granted) throw new errors.InvalidTarget(askOwner(by))
    const asked = String(context.oidc.params.scope ?? '')
      .split(' ')
      .filter(scope => scope !== '')
    const foreign = asked.find(scope => !granted.scopes.has(scope))
    if (foreign !== undefined) {
      throw new errors.InvalidScope('no role of this client at this resource knows one of the scopes', foreign)
    }
    given.set(context, granted)
    return {
      audience: resource,
      scope: asked.join(' '),
      accessTokenTTL: Math.min(lifetimeOf(service), (bounds.within?.expiresAt ?? Number.POSITIVE_INFINITY) - now()),
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg, kid } },
    }
  }

  function defaultResource(): string {
    const [only] = parts.isOfOneService ? services() : []
    if (only) return only.audience
    throw new errors.InvalidTarget('name the audience of one service as resource')
  }

  const provider = new Provider(issuer, {
    adapter,
    jwks: { keys: signers.map(({ kid, privateKey }) => ({ ...privateKey, kid })) },
    clientAuthMethods: ['none'],
    // Without it every client would be refused where no RSA key is there.
    clientDefaults: { id_token_signed_response_alg: alg },
    enabledJWA: { idTokenSigningAlgValues: [alg] },
    // It has no cookies; without a key it warns of that.
    cookies: { keys: [randomBytes(32).toString('base64url')] },
    extraTokenClaims(context) {
      const { by, bounds } = proved.get(context.req) ?? {}
      const key = keyIdOf([...(by ? [by] : []), ...(bounds?.parties ?? [])])
      return {
        roles: given.get(context)?.roles ?? [],
        ...(key !== undefined && { [keyClaim]: key }),
        ...(bounds?.act && { act: bounds.act }),
      }
    },
    formats: {
      customizers: {
        // It finds lifetimes by names of its classes: a token without an end must not come of a build that lost them.
        jwt(context, _token, { payload }) {
          if (!isTime(payload.exp) || !given.has(context)) throw new Error('a token would have no end, or no roles')
        },
      },
    },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: { enabled: true, defaultResource, getResourceServerInfo: resourceServer },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: false },
    },
    responseTypes: [],
    routes: { token: '/oauth/token' },
    scopes: [],
    ttl: { ClientCredentials: (_context, token) => token.resourceServer?.accessTokenTTL ?? defaultSeconds },
  })
  provider.silent = true
  provider.on('server_error', (_context, error) => log.error({ err: error, issuer }, 'a token was not made'))
  provider.use(async (context, next) => {
    await next()
    const { issuedTokenType } = proved.get(context.req)?.bounds ?? {}
    if (issuedTokenType !== undefined && isRecord(context.body) && Object.hasOwn(context.body, 'access_token')) {
      context.body = { ...context.body, issued_token_type: issuedTokenType }
    }
    // It lets pages of every origin read what comes of a request without one, as ours to it are.
    for (const name of ['access-control-allow-origin', 'access-control-expose-headers', 'vary']) context.remove(name)
    context.set('x-content-type-options', 'nosniff')
  })
  const handle = provider.callback()

  return {
    async answer(form, by, response, bounds = { parties: [] }) {
      const request = innerRequest(form, by)
      proved.set(request, { by, bounds })
      await handle(request, response)
    },
  }
}

/** The same whether there is no such service or nothing is granted there. */
function askOwner({ client }: ProvedClient): string {
  return `nothing at such a resource is granted to the ApiClient ${client.key}: ask the owner of the service for an AccessGrant in its namespace whose clients name this one`
}

/** A request that begins where the caller's was understood, with the client in place of its proof. */
function innerRequest(form: Form, { client }: ProvedClient): IncomingMessage {
  const handed = [...form.entries()].filter(([name]) => !ourParameters.has(name)).map(([name, value]) => [name, value])
  const body = Buffer.from(new URLSearchParams([...handed, ['client_id', client.clientId]]).toString())
  // Of no socket: it must not be able to end the caller's.
  const request = new IncomingMessage(undefined as never)
  request.method = 'POST'
  request.url = '/oauth/token'
  request.headers = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(body.length) }
  request.complete = true
  request.push(body)
  request.push(null)
  return request
}

/** Clients are proved before it is asked; tokens are JWTs, of which nothing is kept. */
function adapter(model: string): Adapter {
  return {
    async find(id) {
      if (model !== 'Client') return undefined
      return {
        client_id: id,
        token_endpoint_auth_method: 'none',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      }
    },
    async upsert() {
      throw new Error(`${model}: nothing may be kept here`)
    },
  }
}
