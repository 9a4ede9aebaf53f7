import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { thumbprint } from '../../../../core/jose/jwk.ts'
import type { PublishableKey } from '../../../../core/jose/jwks.ts'
import { createFairReviewer } from '../../../../issuer/authenticate/review-fairly.ts'
import { createServiceCallers } from '../../../../issuer/authenticate/service-callers.ts'
import { createReviewer } from '../../../../issuer/authenticate/token-review.ts'
import { createClientsById } from '../../../../issuer/publish/clients-by-id.ts'
import type { Signer } from '../../../../issuer/publish/signing-keys.ts'
import { createRevocations } from '../../../../issuer/revocations/revocations.ts'
import { createTokens, type TokensConfig } from '../../../../issuer/tokens/tokens.ts'
import { systemClock } from '../../../../platform/clock.ts'
import { createServer } from '../../../../platform/http/server.ts'
import { createQuietLog } from '../../platform/quiet-log.ts'
import { type createHandDrive, installation, type Listed, object, startInstallation } from '../installation.ts'
import { createMemoryStore } from './memory-store.ts'
import { createTestCluster } from './test-cluster.ts'

export const issuerUrl = 'https://i.test/default'
export const ordersIssuer = `${issuerUrl}/services/shop/orders`
export const ordersAudience = 'https://orders.shop.svc'
const longAgo = '2020-01-01T00:00:00Z'
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A key pair of a client, and what it signs. */
export function makePair() {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const jwk = { ...publicKey.export({ format: 'jwk' }) }
  return { privateKey, jwk, kid: thumbprint(jwk) }
}
export type Pair = ReturnType<typeof makePair>

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

export function signed(header: object, payload: object, { privateKey }: Pick<Pair, 'privateKey'>): string {
  const input = `${encoded(header)}.${encoded(payload)}`
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`
}

export const nowSeconds = () => Math.floor(Date.now() / 1_000)

/** An assertion of the client partners.checkout for the service orders, or what the test makes of it. */
export function assertion(pair: Pair, { header = {}, claims = {} }: { header?: object; claims?: object } = {}): string {
  const now = nowSeconds()
  const clientId = 'partners.checkout'
  return signed(
    { alg: 'EdDSA', kid: pair.kid, typ: 'client-authentication+jwt', ...header },
    { iss: clientId, sub: clientId, aud: ordersIssuer, jti: randomUUID(), iat: now, exp: now + 60, ...claims },
    pair,
  )
}

/** @param published what of its key is another than of one that is active */
export const accessKey = (
  name: string,
  client: string,
  pair: Pair,
  version = '1',
  spec: object = {},
  published: object = {},
) =>
  old(
    object('partners', name, version, {
      spec: { clientRef: { name: client }, ...spec },
      status: {
        clientId: `partners.${client}`,
        keys: [{ kid: pair.kid, state: 'Active', publicKey: pair.jwk, notBefore: longAgo, ...published }],
      },
    }),
  )

/** Made long before the tests, whatever the clock of the machine says. */
export function old<T extends { metadata: object }>(one: T) {
  return { ...one, metadata: { ...one.metadata, creationTimestamp: longAgo } }
}

function makeSigner(): { signer: Signer; key: PublishableKey } {
  const { privateKey, jwk, kid } = makePair()
  const signer = {
    kid,
    algorithm: 'Ed25519' as const,
    alg: 'EdDSA',
    privateKey: privateKey.export({ format: 'jwk' }) as never,
  }
  return { signer, key: { kid, algorithm: 'Ed25519', publicKey: jwk as PublishableKey['publicKey'] } }
}

/**
 * Two replicas of the issuer that share a store: the clients checkout and partner, the services orders and billing, of which
 * checkout has both and partner the second.
 * @param hand drives what changes mean; absent: as fast as the machine does it
 */
export async function startTokens(
  change: (listed: Listed) => Listed = listed => listed,
  hand?: ReturnType<typeof createHandDrive>,
  config: Partial<TokensConfig> = {},
) {
  const cluster = createTestCluster(issuerUrl)
  const pair = makePair()
  const partner = makePair()
  const plain = installation({ orders: ['checkout'], billing: ['checkout', 'partner'] })
  const keys = [accessKey('checkout', 'checkout', pair), accessKey('partner', 'partner', partner)]
  const listed = change({ ...plain, accesskeys: keys })
  const aged = Object.fromEntries(
    Object.entries(listed).map(([kind, all]) => [kind, all.map(one => old(one as never))]),
  )
  const memory = createMemoryStore()
  const first = makeSigner()
  const signing = { signers: [first.signer] as [Signer] | undefined, keys: [first.key] }
  const revocations = createRevocations()
  const log = createQuietLog()
  const { objects, resolved, slices, tell } = await startInstallation(aged as Listed, hand?.drive)
  const clientById = createClientsById(resolved)
  const started = slices.start()
  hand?.finish()
  await started

  const reviewer = createFairReviewer(createReviewer(cluster.api, issuerUrl), {
    audience: issuerUrl,
    clock: systemClock,
  })

  async function startReplica() {
    const tokens = createTokens(
      { issuerUrl, tokenUrl: issuerUrl, peerRate: 10_000, clientRate: 10_000, assertionsOfClient: 10_000, ...config },
      {
        objects,
        resolved,
        cluster: () => cluster.row,
        callers: createServiceCallers(reviewer, systemClock),
        clientById,
        signing: { current: () => signing.keys, signers: () => signing.signers },
        store: memory.store,
        revocations,
        ready: () => true,
        clock: systemClock,
        log: log.log,
      },
    )
    const server = createServer({ name: 'tokens', host: '127.0.0.1', port: 0, handler: tokens.handler, log: log.log })
    const { port } = await server.listen()
    return { tokens, server, port }
  }
  const replicas = [await startReplica(), await startReplica()]

  async function send(path: string, init: RequestInit, replica = 0) {
    const answer = await fetch(`http://127.0.0.1:${replicas[replica]?.port}/default${path}`, init)
    const text = await answer.text()
    const isJson = answer.headers.get('content-type')?.includes('json')
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text }
  }

  return {
    ...{ pair, partner, memory, revocations, signing, log, send, tell, replicas, cluster },
    /** Asks an endpoint of the service orders, unless another path is given; a parameter that is undefined is left out. */
    async ask(
      parameters: Readonly<Record<string, string | undefined>> | URLSearchParams,
      { path = '/services/shop/orders/oauth/token', replica = 0, headers = {} as Record<string, string> } = {},
    ) {
      const { status, body } = await send(path, { method: 'POST', body: formOf(parameters), headers }, replica)
      return { status, body }
    },
    rotateSigner() {
      const next = makeSigner()
      signing.signers = [next.signer]
      signing.keys = [next.key, ...signing.keys]
      return next.signer.kid
    },
    async close() {
      for (const { tokens, server } of replicas) {
        tokens.stop()
        await server.close(0)
      }
      slices.stop()
    },
  }
}

function formOf(parameters: Readonly<Record<string, string | undefined>> | URLSearchParams): URLSearchParams {
  if (parameters instanceof URLSearchParams) return parameters
  return new URLSearchParams(
    Object.entries(parameters).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** A whole token request with this assertion. */
export const withAssertion = (text: string, more: Readonly<Record<string, string | undefined>> = {}) => ({
  grant_type: 'client_credentials',
  client_assertion_type: assertionType,
  client_assertion: text,
  ...more,
})

/** The parts of a JWT, unproved. */
export function readParts(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header = '', claims = ''] = token.split('.')
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  return { header: read(header), claims: read(claims) }
}
