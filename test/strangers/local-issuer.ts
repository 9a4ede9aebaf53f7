import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { thumbprint } from '../../core/jose/jwk.ts'
import { createAuthority, createServerCertificate } from '../../platform/x509.ts'
import type { ClientJwk, SignatureAlgorithm } from '../../sdk/private-key.ts'

/** An HTTPS server that publishes clients in the shape that the issuer does. */
export interface LocalIssuer {
  /** Issuer URL of the installation. */
  readonly url: string
  readonly caFile: string
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[]
  /** Makes a client with a key of this algorithm and publishes it. @returns what its Secret would hold */
  addClient(clientId: string, algorithm: SignatureAlgorithm): ClientJwk
  /** Replaces the published key set of a client; undefined takes the client away. */
  publish(clientId: string, keys: readonly object[] | undefined): void
  /** Answers everything so, or not at all, or begins and stops, until called with undefined. */
  failWith(failure: Failure | 'silence' | 'stall' | undefined): void
  close(): Promise<void>
}

interface Failure {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

export async function startLocalIssuer(): Promise<LocalIssuer> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-issuer-'))
  const validity = { now: new Date(), lifetimeMs: 3_600_000 }
  const authority = await createAuthority({ commonName: 'local issuer', ...validity })
  const own = await createServerCertificate({ authority, hosts: ['127.0.0.1'], ...validity })
  const caFile = join(directory, 'ca.crt')
  await writeFile(caFile, authority.certificate)
  const documents = new Map<string, object>()
  const requests: string[] = []
  let failure: Failure | 'silence' | 'stall' | undefined
  const server = createServer({ cert: own.certificate, key: own.privateKey }, (request, response) => {
    requests.push(request.url ?? '')
    if (failure === 'silence') return
    if (failure === 'stall') return void response.writeHead(200).write('{"keys":')
    const document = documents.get(request.url ?? '')
    const status = failure?.status ?? (document ? 200 : 404)
    const headers = { 'content-type': 'application/json', 'cache-control': 'public, max-age=60', ...failure?.headers }
    response.writeHead(status, headers).end(failure ? failure.body : JSON.stringify(document ?? {}))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/default`

  const publish = (clientId: string, keys: readonly object[] | undefined) => {
    const base = `/default/v1/clients/${clientId}/.well-known`
    const issuer = `${url}/v1/clients/${clientId}`
    if (keys) {
      documents.set(`${base}/openid-configuration`, discovery(issuer, keys))
      documents.set(`${base}/jwks.json`, { keys })
    } else for (const name of ['openid-configuration', 'jwks.json']) documents.delete(`${base}/${name}`)
  }
  return {
    url,
    caFile,
    requests,
    addClient(clientId, algorithm) {
      const { published, secret } = makeKey(algorithm)
      publish(clientId, [published])
      return { ...secret, client_id: clientId, issuer: `${url}/v1/clients/${clientId}` }
    },
    publish,
    failWith(next) {
      failure = next
    },
    async close() {
      server.closeAllConnections()
      await Promise.all([once(server.close(), 'close'), rm(directory, { recursive: true })])
    },
  }
}

function discovery(issuer: string, keys: readonly object[]): object {
  const algorithms = keys.map(key => ('alg' in key ? key.alg : 'EdDSA'))
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(algorithms)],
  }
}

/** A key pair: as the key set publishes it (OKP without `alg`), and as the Secret holds it. */
export function makeKey(algorithm: SignatureAlgorithm): { published: object; secret: ClientJwk } {
  const { privateKey, publicKey } = generate(algorithm)
  const members = publicKey.export({ format: 'jwk' })
  const kid = thumbprint({ ...members })
  const alg = algorithm === 'Ed25519' ? 'EdDSA' : algorithm
  return {
    published: { ...members, kid, use: 'sig', ...(algorithm !== 'Ed25519' && { alg }) },
    secret: { ...privateKey.export({ format: 'jwk' }), kid, alg } as ClientJwk,
  }
}

function generate(algorithm: SignatureAlgorithm) {
  if (algorithm === 'Ed25519') return generateKeyPairSync('ed25519')
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}
