import { issuerOf } from '../../core/base/ids.ts'
import { jwksOf, type PublishableKey } from '../../core/jose/jwks.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import { type AuthorizationServer, endpointUrls } from '../tokens/authorization-servers.ts'
import { apiDocumentOf } from './api-document.ts'
import { discoveryOf } from './discovery.ts'

/** What the documents are made from. */
export interface Published {
  readonly issuerUrl: string
  /** Begin of the URLs of the OAuth endpoints. */
  readonly tokenUrl: string
  /** `alg` values of what the issuer's keys may sign. */
  readonly algs: readonly string[]
  readonly checkUrl: string
  /** The issuer's own keys; undefined until they are known. */
  signingKeys(): readonly PublishableKey[] | undefined
  /** Accepted clients only. */
  client(clientId: string): ResolvedClient | undefined
  /** The server of a service, `namespace/name`. */
  server(service: string): AuthorizationServer | undefined
  clientKeys(client: ResolvedClient): readonly PublishableKey[]
  /** Seconds since epoch. */
  now(): number
}

/** A document to serve, or why there is none. */
export type Found = object | 'not_found' | 'not_ready'

const openid = '/.well-known/openid-configuration'
const oauth = '/.well-known/oauth-authorization-server'
const jwks = '/.well-known/jwks.json'
const clients = '/v1/clients/:client'
const services = '/services/:service'

/**
 * Every path of the public port. `base` is the path of the issuer URL; RFC 8414 section 3.1 puts the well-known part
 * before it, OpenID Connect Discovery behind.
 */
function table(base: string): Readonly<Record<string, (from: Published, name: string) => Found>> {
  return {
    [`${base}${openid}`]: issuerDocument,
    [`${base}${oauth}`]: issuerDocument,
    [`${oauth}${base}`]: issuerDocument,
    [`${base}${jwks}`]: issuerKeys,
    [`${base}/openapi.json`]: apiDocumentOf,
    [`${base}${clients}${openid}`]: clientDocument,
    [`${base}${clients}${oauth}`]: clientDocument,
    [`${oauth}${base}${clients}`]: clientDocument,
    [`${base}${clients}${jwks}`]: clientKeys,
    [`${base}${services}${openid}`]: serviceDocument,
    [`${base}${services}${oauth}`]: serviceDocument,
    [`${oauth}${base}${services}`]: serviceDocument,
    [`${base}${services}${jwks}`]: serviceKeys,
  }
}

function issuerDocument(from: Published): Found {
  const keys = from.signingKeys()
  if (!keys) return 'not_ready'
  const document = discoveryOf(from.issuerUrl, { urls: endpointUrls(from.tokenUrl), algs: from.algs })
  return { ...document, latchkey_check_endpoint: from.checkUrl }
}

function issuerKeys(from: Published): Found {
  const keys = from.signingKeys()
  return keys ? jwksOf(keys, from.now()) : 'not_ready'
}

function serviceDocument(from: Published, service: string): Found {
  const server = from.server(service)
  return server
    ? discoveryOf(server.issuer, { urls: endpointUrls(from.tokenUrl, service), algs: from.algs })
    : 'not_found'
}

/** The installation's keys sign the tokens of every server: `iss` tells these apart. */
function serviceKeys(from: Published, service: string): Found {
  return from.server(service) ? issuerKeys(from) : 'not_found'
}

function clientDocument(from: Published, clientId: string): Found {
  const client = from.client(clientId)
  return client ? discoveryOf(issuerOf(from.issuerUrl, client.clientId)) : 'not_found'
}

function clientKeys(from: Published, clientId: string): Found {
  const client = from.client(clientId)
  return client ? jwksOf(verifying(from, client), from.now()) : 'not_found'
}

/** A suspended client has no keys: strangers verify nothing of it either. */
function verifying(from: Published, client: ResolvedClient): PublishableKey[] {
  const now = from.now()
  const keys = client.suspended ? [] : from.clientKeys(client)
  return keys.filter(key => !key.revoked && (key.notAfter === undefined || now < key.notAfter))
}

/** @returns what to answer to a path without query; undefined when no path of the table fits */
export function createRoutes(from: Published): (path: string) => Found | undefined {
  const base = new URL(from.issuerUrl).pathname.replace(/\/$/, '')
  const routes = Object.entries(table(base)).map(([template, answer]) => {
    const [before = '', kind, after] = template.split(/:(client|service)/)
    // Neither ever needs an escape, so an escaped one is nobody's.
    const form = kind === 'service' ? /^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/ : /^[a-z0-9._-]{1,127}$/
    return { before, after, form, answer }
  })
  return path => {
    for (const { before, after, form, answer } of routes) {
      if (after === undefined) {
        if (path === before) return answer(from, '')
        continue
      }
      if (!path.startsWith(before) || !path.endsWith(after)) continue
      const name = path.slice(before.length, path.length - after.length)
      if (form.test(name)) return answer(from, name)
    }
    return undefined
  }
}
