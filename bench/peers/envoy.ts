import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../machine/process.ts'
import { audience, type BenchClient, numbered } from '../policy/clients.ts'
import type { PolicySize } from '../policy/size.ts'
import { type Contestant, type Lines, type Place, startContestant } from './contestant.ts'

const http = 'envoy.extensions.filters.http'

/** Envoy with no filter of its own: a proxy that authorizes nothing. */
export function startEnvoyPlain(envoy: string, place: Place, name: string, lines: Lines): Promise<Contestant> {
  return startEnvoy(envoy, name, place, lines, {})
}

/** Envoy that verifies the client's tokens, with its JWT cache on, and decides by RBAC. */
export function startEnvoyJwtRbac(
  envoy: string,
  place: Place,
  options: { name: string; client: BenchClient; policy: PolicySize; lines: Lines },
): Promise<Contestant> {
  const { name, client, policy, lines } = options
  return startEnvoy(envoy, name, place, lines, { filters: [jwtFilter(client), rbacFilter(policy)] })
}

/**
 * Envoy that asks an authorizer.
 * @param options.filter of ext_authz, with its type; `cluster` is where it asks
 */
export function startEnvoyExtAuthz(
  envoy: string,
  place: Place,
  options: { name: string; filter: object; perRoute?: object; cluster: object },
): Promise<Contestant> {
  const name = 'envoy.filters.http.ext_authz'
  const asking = { filters: [{ name, typed_config: options.filter }], clusters: [options.cluster] }
  const type = `type.googleapis.com/${http}.ext_authz.v3.ExtAuthzPerRoute`
  const perRoute = options.perRoute && { [name]: { '@type': type, ...options.perRoute } }
  return startEnvoy(envoy, options.name, place, 'written', { ...asking, ...(perRoute && { perRoute }) })
}

function jwtFilter(client: BenchClient): object {
  const key = { ...client.publicKey, kid: client.kid, alg: 'EdDSA', use: 'sig' }
  return typed('envoy.filters.http.jwt_authn', `${http}.jwt_authn.v3.JwtAuthentication`, {
    providers: {
      client: {
        issuer: client.issuer,
        audiences: [audience],
        require_expiration: true,
        payload_in_metadata: 'jwt',
        local_jwks: { inline_string: JSON.stringify({ keys: [key] }) },
        jwt_cache_config: { jwt_cache_size: 10_000 },
      },
    },
    rules: [{ match: { prefix: '/' }, requires: { provider_name: 'client' } }],
  })
}

/** One policy per rule, as our roles and grants: GET below the rule's path, for the clients that have it. */
function rbacFilter({ clients, rules }: PolicySize): object {
  if (clients !== rules) throw new Error('a policy of Envoy names one client here')
  const policies = Array.from({ length: rules }, (_, rule) => [
    numbered('policy', rule),
    {
      permissions: [
        {
          and_rules: {
            rules: [
              { header: { name: ':method', string_match: { exact: 'GET' } } },
              { url_path: { path: { prefix: `/api/${numbered('resource', rule)}/` } } },
            ],
          },
        },
      ],
      principals: [
        {
          sourced_metadata: {
            metadata_matcher: {
              filter: 'envoy.filters.http.jwt_authn',
              path: [{ key: 'jwt' }, { key: 'sub' }],
              value: { string_match: { exact: `callers.${numbered('caller', rule)}` } },
            },
          },
        },
      ],
    },
  ])
  const config = { rules: { action: 'ALLOW', policies: Object.fromEntries(policies) } }
  return typed('envoy.filters.http.rbac', `${http}.rbac.v3.RBAC`, config)
}

interface Asking {
  /** What stands before the router. */
  readonly filters?: readonly object[]
  readonly clusters?: readonly object[]
  /** What the route says to the filters. */
  readonly perRoute?: object
}

async function startEnvoy(
  envoy: string,
  name: string,
  place: Place,
  lines: Lines,
  { filters = [], clusters = [], perRoute }: Asking,
): Promise<Contestant> {
  const port = await freePort()
  const directory = join(place.directory, name)
  await mkdir(directory, { recursive: true })
  const file = join(directory, 'envoy.json')
  const log = lines === 'written' ? join(directory, 'access.log') : undefined
  const router = typed('envoy.filters.http.router', `${http}.router.v3.Router`, {})
  const listener = listenerOf(port, log, [...filters, router], perRoute)
  const resources = { listeners: [listener], clusters: [clusterOf('origin', place.originPort), ...clusters] }
  await writeFile(file, JSON.stringify({ static_resources: resources }))
  const args = ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
  return startContestant({ name, command: envoy, args, core: place.core }, port, log)
}

function listenerOf(port: number, log: string | undefined, filters: readonly object[], perRoute?: object): object {
  const file = 'envoy.extensions.access_loggers.file.v3.FileAccessLog'
  const told = perRoute && { typed_per_filter_config: perRoute }
  const everything = [{ match: { prefix: '/' }, route: { cluster: 'origin', timeout: '0s' }, ...told }]
  const manager = {
    stat_prefix: 'calls',
    route_config: { virtual_hosts: [{ name: 'any', domains: ['*'], routes: everything }] },
    http_filters: filters,
    ...(log !== undefined && { access_log: [typed('envoy.access_loggers.file', file, { path: log })] }),
  }
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'
  const filter = typed('envoy.filters.network.http_connection_manager', type, manager)
  return { name: 'calls', address: addressOf(port), filter_chains: [{ filters: [filter] }] }
}

/** @param more for example HTTP/2 towards a gRPC server */
export function clusterOf(name: string, port: number, more: object = {}): object {
  const endpoint = { endpoint: { address: addressOf(port) } }
  return {
    name,
    type: 'STATIC',
    connect_timeout: '5s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [endpoint] }] },
    ...more,
  }
}

function addressOf(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } }
}

function typed(name: string, type: string, config: object): object {
  return { name, typed_config: { '@type': `type.googleapis.com/${type}`, ...config } }
}
