/** What we use of oidc-provider, which brings no types. Compared with its source at the version in package.json. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http'

  export interface Context {
    readonly req: IncomingMessage
    body: unknown
    readonly oidc: { readonly params: Readonly<Record<string, unknown>> }
    set(header: string, value: string): void
    remove(header: string): void
  }

  export interface ResourceServer {
    readonly audience: string
    readonly scope: string
    readonly accessTokenTTL: number
    readonly accessTokenFormat: 'jwt'
    readonly jwt: { readonly sign: { readonly alg: string; readonly kid: string } }
  }

  export interface Adapter {
    find(id: string): Promise<object | undefined>
    upsert(id: string): Promise<never>
  }

  export interface Configuration {
    readonly adapter: (model: string) => Adapter
    readonly jwks: { readonly keys: readonly object[] }
    readonly clientAuthMethods: readonly string[]
    readonly clientDefaults: Readonly<Record<string, string>>
    readonly cookies: { readonly keys: readonly string[] }
    readonly enabledJWA: Readonly<Record<string, readonly string[]>>
    readonly extraTokenClaims: (context: Context) => Readonly<Record<string, unknown>>
    readonly formats: {
      readonly customizers: {
        readonly jwt: (
          context: Context,
          token: object,
          jwt: { readonly payload: Readonly<Record<string, unknown>> },
        ) => void
      }
    }
    readonly features: {
      readonly clientCredentials: { readonly enabled: boolean }
      readonly devInteractions: { readonly enabled: boolean }
      readonly resourceIndicators: {
        readonly enabled: boolean
        readonly defaultResource: (context: Context) => string
        readonly getResourceServerInfo: (context: Context, resource: string) => ResourceServer
      }
      readonly rpInitiatedLogout: { readonly enabled: boolean }
      readonly userinfo: { readonly enabled: boolean }
    }
    readonly responseTypes: readonly string[]
    readonly routes: Readonly<Record<string, string>>
    readonly scopes: readonly string[]
    readonly ttl: {
      readonly ClientCredentials: (
        context: Context,
        token: { readonly resourceServer?: { readonly accessTokenTTL: number } },
      ) => number
    }
  }

  export class Provider {
    constructor(issuer: string, configuration: Configuration)
    silent: boolean
    use(handler: (context: Context, next: () => Promise<void>) => Promise<void>): this
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>
    on(event: 'server_error', handler: (context: Context, error: unknown) => void): this
  }

  export const errors: {
    readonly InvalidTarget: new (description: string) => Error
    readonly InvalidScope: new (description: string, scope: string) => Error
  }
}
