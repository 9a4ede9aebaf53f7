import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import { serviceIssuer } from '../../core/rows/service-issuer.ts'
import type { Tenant } from '../store/store.ts'

/** One issuer with its endpoints: the installation's, or a GuardedService's own. */
export interface AuthorizationServer {
  /** `iss` of its tokens, and the only `aud` of assertions for it. */
  readonly issuer: string
  /** Whose records its state is. */
  readonly tenant: Tenant
  /** The one service it is for, as it is now; undefined: all. */
  readonly service?: ResolvedService
}

export const endpoints = ['token', 'introspect', 'revoke'] as const
export type Endpoint = (typeof endpoints)[number]

/** Where a server's endpoints are. @param base of the token endpoints of the installation */
export function endpointUrls(base: string, service?: string): Readonly<Record<Endpoint, string>> {
  const of = (endpoint: Endpoint) => `${base}${service === undefined ? '' : `/services/${service}`}/oauth/${endpoint}`
  return { token: of('token'), introspect: of('introspect'), revoke: of('revoke') }
}

/** The servers there are, found by their path. */
export interface AuthorizationServers {
  /** @param service `namespace/name`; undefined: of the installation. @returns undefined where there is no such service */
  get(service?: string): AuthorizationServer | undefined
  /** By what its tokens say. @returns undefined for an issuer that is none of these */
  ofIssuer(issuer: string): AuthorizationServer | undefined
  /** @param path of a request, without query */
  atPath(path: string): { server: AuthorizationServer; endpoint: Endpoint } | undefined
}

/**
 * @param issuerUrl of the installation
 * @param base of the token endpoints
 * @param services those of this installation as they are now, by `namespace/name`
 */
export function createAuthorizationServers(
  issuerUrl: string,
  base: string,
  services: () => ReadonlyMap<string, ResolvedService>,
): AuthorizationServers {
  const root = new URL(base).pathname.replace(/\/$/, '')
  const form = /^(?:\/services\/([a-z0-9.-]{1,63}\/[a-z0-9.-]{1,253}))?\/oauth\/([a-z]{1,16})$/

  function get(key?: string): AuthorizationServer | undefined {
    if (key === undefined) return { issuer: issuerUrl, tenant: 'installation' }
    const service = services().get(key)
    const uid = service?.service.metadata.uid
    // Without a uid its records would be anybody's who has its name next.
    if (!service?.published || uid === undefined) return undefined
    return { issuer: serviceIssuer(issuerUrl, key), tenant: { uid }, service }
  }

  return {
    get,
    ofIssuer(issuer) {
      if (issuer === issuerUrl) return get()
      const begin = `${issuerUrl}/services/`
      return issuer.startsWith(begin) ? get(issuer.slice(begin.length)) : undefined
    },
    atPath(path) {
      const [, key, name] = (path.startsWith(root) && form.exec(path.slice(root.length))) || []
      const endpoint = endpoints.find(one => one === name)
      const server = endpoint && get(key)
      return server && { server, endpoint }
    },
  }
}
