import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClientKey, readClientKey } from '../../sdk/private-key.ts'
import { tokenProvider } from '../../sdk/token-provider.ts'
import { repositoryRoot } from '../cluster/binaries.ts'
import type { Image } from '../cluster/image.ts'
import { kindAuthenticationConfigPath } from '../cluster/kind.ts'
import { authenticationConfigPath } from '../cluster/real-cluster.ts'
import { helm, installChart, kubectl } from '../demo/install.ts'
import { type ApiServerAccess, askApiServer, usernamePrefix } from '../strangers/api-server.ts'
import { readDocument } from '../strangers/envoy.ts'
import { strangers } from '../strangers/strangers.ts'
import { tamperedTokens } from '../strangers/tampered.ts'
import { apply, read, waitFor } from './cluster.ts'

// The strangers run on this machine, and so does kube-apiserver: neither resolves the cluster's names. So this is an
// installation of its own, whose issuer has an address for a name.
const release = 'strangers'
const system = 'latchkey-strangers'
const address = '10.96.0.50'
const namespace = 'strangers'
const audience = 'https://orders.shop.svc'
const algorithms = ['Ed25519', 'ES256', 'RS256'] as const
type Algorithm = (typeof algorithms)[number]

interface Client {
  readonly key: ClientKey
  /** Minted by the SDK from the Secret's files, laid out as the kubelet mounts them. */
  readonly token: string
}
const clients = new Map<Algorithm, Client>()
let directory: string
let caFile: string

const nameOf = (algorithm: Algorithm) => `stranger-${algorithm.toLowerCase()}`

const manifests = (algorithm: Algorithm) =>
  [
    { kind: 'ApiClient', spec: {} },
    { kind: 'AccessKey', spec: { clientRef: { name: nameOf(algorithm) }, algorithm } },
  ].map(object => ({
    apiVersion: 'latchkey.dev/v1alpha1',
    metadata: { name: nameOf(algorithm), namespace },
    ...object,
  }))

async function secretFiles(name: string): Promise<string> {
  const { data } = await read<{ data: Record<string, string> }>('secrets', namespace, name)
  const mounted = await mkdtemp(join(directory, `${name}-`))
  const files = Object.entries(data)
  await Promise.all(files.map(([file, text]) => writeFile(join(mounted, file), Buffer.from(text, 'base64'))))
  return mounted
}

async function install(): Promise<void> {
  const image = JSON.parse(await readFile(join(repositoryRoot, 'build/image.json'), 'utf8')) as Image
  const replicas = ['operator', 'issuer', 'webhook'].map(process => `${process}.replicas=1`)
  const url = [`issuer.url=https://${address}/${release}`, `issuer.service.clusterIP=${address}`]
  const shared = ['crds.enabled=false', 'rbac.aggregate=false']
  const values = [`installation=${release}`, ...url, ...shared, ...replicas]
  await installChart({ release, namespace: system, image, values })
}

/** The authority of the issuer's certificate, as a file. */
async function issuerCa(): Promise<string> {
  const { data } = await read<{ data: Record<string, string> }>('secrets', system, `${release}-latchkey-issuer-tls`)
  const copy = join(directory, 'issuer-ca.crt')
  await writeFile(copy, Buffer.from(data['ca.crt'] ?? '', 'base64'))
  return copy
}

async function makeClient(algorithm: Algorithm): Promise<Client> {
  await waitFor(`accesskeys.latchkey.dev/${nameOf(algorithm)}`, namespace, 'condition=Ready')
  const mounted = await secretFiles(nameOf(algorithm))
  const key = readClientKey(JSON.parse(await readFile(join(mounted, 'private.jwk'), 'utf8')))
  await published(key)
  return { key, token: await tokenProvider({ directory: mounted, lifetimeSeconds: 900 }).token(audience) }
}

/** Waits until the issuer publishes the key; each of its replicas has a watch of its own. */
async function published({ issuer, kid }: ClientKey): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    const set = await readDocument(`${issuer}/.well-known/jwks.json`, caFile).catch((error: Error) => error)
    if (JSON.stringify(set).includes(kid)) return
    if (performance.now() > deadline) throw new Error(`${issuer} does not publish ${kid}`, { cause: set })
    await new Promise(resolve => setTimeout(resolve, 250))
  }
}

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'latchkey-strangers-'))
  await install()
  caFile = await issuerCa()
  const labels = { 'latchkey.dev/installation': release }
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
  await apply({ apiVersion: 'v1', kind: 'List', items: algorithms.flatMap(manifests) })
  const made = await Promise.all(algorithms.map(async algorithm => [algorithm, await makeClient(algorithm)] as const))
  for (const [algorithm, client] of made) clients.set(algorithm, client)
})
afterAll(async () => {
  await helm(['uninstall', release, '--namespace', system, '--ignore-not-found', '--wait']).catch(() => undefined)
  await kubectl(['delete', 'namespace', namespace, system, '--ignore-not-found', '--wait=false'])
  await rm(directory, { recursive: true, force: true })
})

function clientOf(algorithm: Algorithm): Client {
  const client = clients.get(algorithm)
  if (!client) throw new Error(`no client with ${algorithm}`)
  return client
}

/** A good token first, then every tampered one. */
function questionFor(algorithm: Algorithm) {
  const { key, token } = clientOf(algorithm)
  const tampered = tamperedTokens(key, audience)
  const tokens = [token, ...Object.values(tampered)]
  return { key, tampered: Object.keys(tampered), question: { issuer: key.issuer, audience, caFile, tokens } }
}

describe.each(strangers)('$name', stranger => {
  beforeAll(() => stranger.prepare(), 600_000)

  test.each(algorithms)(
    'accepts a token minted from the Secret with %s, and refuses every tampered one',
    async algorithm => {
      const { tampered, question } = questionFor(algorithm)
      const [verdict, ...refused] = await stranger.ask(question)
      expect(verdict?.accepted, verdict?.why).toBe(true)
      expect(tampered.filter((_, index) => refused[index]?.accepted !== false)).toEqual([])
    },
  )
})

describe('kube-apiserver', () => {
  test.each(['ES256', 'RS256'] as const)(
    'takes a client with %s for a user, and refuses every tampered token',
    async algorithm => {
      const { key, tampered, question } = questionFor(algorithm)
      const [verdict, ...refused] = await askApiServer(await apiServer(), question)
      expect(verdict).toEqual({ accepted: true, why: `${usernamePrefix}${key.clientId}` })
      expect(tampered.filter((_, index) => refused[index]?.accepted !== false)).toEqual([])
    },
  )
})

/** Where the cluster of the kubeconfig answers, and the file that it reads its authenticators from. */
async function apiServer(): Promise<ApiServerAccess> {
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '--output', 'json'])) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
  }
  const cluster = config.clusters[0]?.cluster
  if (!cluster) throw new Error('the kubeconfig names no cluster')
  const file = join(directory, 'cluster-ca.crt')
  await writeFile(file, Buffer.from(cluster['certificate-authority-data'], 'base64'))
  const files = [authenticationConfigPath, kindAuthenticationConfigPath]
  const authenticationConfig = files.find(path => existsSync(path))
  if (authenticationConfig === undefined) throw new Error('the cluster has no file of authenticators')
  return { url: cluster.server, caFile: file, authenticationConfig }
}
