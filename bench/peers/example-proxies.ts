import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { repositoryRoot } from '../../test/cluster/binaries.ts'
import { service } from '../policy/clients.ts'
import type { AuthorizerContestant } from './authorizer.ts'
import type { Contestant, Place } from './contestant.ts'
import { clusterOf, startEnvoyExtAuthz } from './envoy.ts'
import { startNginxOf } from './nginx.ts'

/**
 * Proxies that ask the authorizer, configured as examples/authorizer says. What differs: addresses, no TLS (all is on
 * one loopback, and so are the peers), a secret in place of a certificate, an access log.
 */
const examples = join(repositoryRoot, 'examples/authorizer')
const secretHeader = 'latchkey-peer-secret'

export async function startEnvoyOverGrpc(envoy: string, place: Place, { grpcPort, secrets }: AuthorizerContestant) {
  const filter = await extAuthzOf('envoy-grpc.yaml')
  const http2 = 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions'
  const options = { '@type': http2, explicit_http_config: { http2_protocol_options: {} } }
  const cluster = clusterOf('latchkey', grpcPort, {
    typed_extension_protocol_options: { 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': options },
  })
  const grpc = { ...(filter.grpc_service as object), initial_metadata: [{ key: secretHeader, value: secrets.envoy }] }
  return startEnvoyExtAuthz(envoy, place, {
    name: 'envoy-ext-authz-grpc',
    filter: { ...filter, grpc_service: grpc },
    perRoute: { check_settings: { context_extensions: { 'latchkey.dev/service': service } } },
    cluster,
  })
}

export async function startEnvoyOverHttp(envoy: string, place: Place, { port, secrets }: AuthorizerContestant) {
  const filter = await extAuthzOf('envoy-http.yaml')
  const asked = filter.http_service as { server_uri: object }
  const http = {
    ...asked,
    server_uri: { ...asked.server_uri, uri: `http://127.0.0.1:${port}` },
    authorization_request: { headers_to_add: [{ key: secretHeader, value: secrets.envoy }] },
  }
  return startEnvoyExtAuthz(envoy, place, {
    name: 'envoy-ext-authz-http',
    filter: { ...filter, http_service: http },
    cluster: clusterOf('latchkey', port),
  })
}

export async function startNginxAsking(
  nginx: string,
  place: Place,
  { port, secrets }: AuthorizerContestant,
): Promise<Contestant> {
  const text = await readFile(join(examples, 'nginx.conf'), 'utf8')
  return startNginxOf(nginx, 'nginx-auth-request', place, own => adaptNginx(text, { own, port, place, secrets }))
}

/** @throws Error when the example no longer has what is replaced */
export function adaptNginx(
  text: string,
  to: { own: number; port: number; place: { originPort: number }; secrets: { nginx: string } },
): string[] {
  const pool = 'keepalive 512; keepalive_requests 1000000000;'
  const [, http = ''] = /^http \{$(.*)^\}$/ms.exec(text) ?? []
  const changes: [RegExp, string][] = [
    [/server latchkey-authorizer\S+;\s+keepalive \d+;/, `server 127.0.0.1:${to.port}; ${pool}`],
    [/server orders\.shop\.svc:80;\s+keepalive \d+;/, `server 127.0.0.1:${to.place.originPort}; ${pool}`],
    [/listen 8080;/, `listen 127.0.0.1:${to.own} backlog=4096; access_log access.log combined buffer=64k flush=1s;`],
    [/https:\/\/latchkey\/check\//, 'http://latchkey/check/'],
    [/include \S*latchkey-secret\.conf;/, `proxy_set_header Latchkey-Peer-Secret "${to.secrets.nginx}";`],
    [/^\s*proxy_ssl_.*\n/gm, ''],
  ]
  const adapted = changes.reduce((lines, [from, to]) => {
    if (lines.search(from) < 0) throw new Error(`examples/authorizer/nginx.conf has no ${from}`)
    return lines.replace(from, to)
  }, http)
  return [adapted]
}

interface Example {
  static_resources: { listeners: { filter_chains: { filters: { typed_config: Manager }[] }[] }[] }
}
interface Manager {
  http_filters: { name: string; typed_config: Record<string, unknown> }[]
}

/** @throws Error when the example has no such filter */
async function extAuthzOf(file: string): Promise<Record<string, unknown>> {
  const example = parse(await readFile(join(examples, file), 'utf8')) as Example
  const managers = example.static_resources.listeners.flatMap(({ filter_chains }) =>
    filter_chains.flatMap(({ filters }) => filters.map(({ typed_config }) => typed_config)),
  )
  const filter = managers
    .flatMap(({ http_filters }) => http_filters)
    .find(({ name }) => name === 'envoy.filters.http.ext_authz')
  if (!filter) throw new Error(`${file} has no ext_authz filter`)
  return filter.typed_config
}
