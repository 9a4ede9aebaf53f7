import { afterAll, beforeAll } from 'vitest'
import { systemClock } from '../../../platform/clock.ts'
import type { HttpServer } from '../../../platform/http/server.ts'
import { createTlsSource, type TlsSource } from '../../../platform/http/tls-source.ts'
import { createLog } from '../../../platform/log.ts'
import type { IssuedCertificate } from '../../../platform/x509.ts'
import { createKnownPaths, type KnownPaths } from '../../../webhook/admission/known-paths.ts'
import { createWebhookServer } from '../../../webhook/server.ts'
import { makePair } from '../../unit/webhook/make-pair.ts'
import type { Answer } from '../api-request.ts'
import { isWebhook, kubectl, type Manifest, renderChart } from '../chart/render-chart.ts'
import { apiVersion, type Cluster, eventually, plainPod, settings, startCluster } from '../policies/setup.ts'

const log = createLog({ process: 'test', destination: { write: () => {} } })

export const pods = (namespace: string, dryRun = true) =>
  `/api/v1/namespaces/${namespace}/pods${dryRun ? '?dryRun=All' : ''}`
export const path = (plural: string, name?: string) =>
  `/apis/latchkey.dev/v1alpha1/namespaces/shop/${plural}${name ? `/${name}` : ''}`
export const hasGuard = ({ body }: { body: object }) => JSON.stringify(body).includes('latchkey-guard')
export const role = (name: string, paths: string[]) => ({
  apiVersion,
  kind: 'Role',
  metadata: { name },
  spec: { rules: [{ services: ['orders'], methods: ['GET'], paths }] },
})

const part = 'a'.repeat(32)
export const paths = {
  random: { validate: `/validate/${part}`, mutate: `/mutate/${part}` },
  none: { validate: '', mutate: '' },
}

/** The chart's configurations, with the address of our server and a path there instead of a Service. */
export function atOurServer(
  manifest: Manifest,
  pair: { port: number; ca: string },
  at: { validate: string; mutate: string },
) {
  const caBundle = Buffer.from(pair.ca).toString('base64')
  const { webhooks } = manifest as never as { webhooks: object[] }
  const url = `https://127.0.0.1:${pair.port}${manifest.kind.startsWith('V') ? at.validate : at.mutate}`
  return { ...manifest, webhooks: webhooks.map(webhook => ({ ...webhook, clientConfig: { url, caBundle } })) }
}

interface Running {
  readonly cluster: Cluster
  readonly server: HttpServer
  readonly known: KnownPaths
  readonly reached: Reached
  /** Another server, with another certificate. */
  serve(tls: TlsSource): HttpServer
}

interface Reached {
  readonly port: number
  readonly ca: string
  readonly authority: IssuedCertificate
}

/** Members are there when a test runs, and not before. */
export interface AskedWebhook extends Running {
  create(namespace: string, pod: object): Promise<Answer>
  /** Has the API server ask our server at these paths, or another one. */
  askAt(at: { validate: string; mutate: string }, port?: number): Promise<void>
}

/** A webhook in this process that a real API server asks, for all tests of the file that calls this. */
export function askedWebhook(): AskedWebhook {
  let running: Running | undefined
  const there = (): Running => {
    if (!running) throw new Error('the webhook of this file does not run yet')
    return running
  }
  const create = (namespace: string, pod: object) => there().cluster.send('POST', pods(namespace), pod)
  const askAt = async (at: { validate: string; mutate: string }, port = there().reached.port): Promise<void> => {
    const { cluster, reached } = there()
    const configurations = (await renderChart())
      .filter(isWebhook)
      .map(one => atOurServer(one, { ...reached, port }, at))
    await kubectl(cluster.plane.kubeconfig, ['apply', '--filename=-'], configurations)
  }
  beforeAll(async () => {
    const other = { 'latchkey.dev/installation': 'other' }
    const cluster = await startCluster('webhook', {
      shop: {},
      ours: { 'latchkey.dev/installation': 'default' },
      theirs: other,
      'latchkey-system': {},
      'kube-system': {},
    })
    const pair = await makePair()
    const { client } = cluster
    const known = createKnownPaths({ client, fullname: 'latchkey', clock: systemClock, log })
    known.setRandomPart(part)
    const about = { host: '127.0.0.1', port: 0, settings, paths: known, client, clock: systemClock, log }
    const serve = (tls: TlsSource) => createWebhookServer({ ...about, tls, installation: 'default' })
    const server = serve(createTlsSource(pair))
    const reached = { ...(await server.listen()), ca: pair.ca, authority: pair.authority }
    await known.start()
    running = { cluster, server, known, reached, serve }
    await askAt(paths.random)
    for (const namespace of ['shop', 'ours'])
      await eventually(
        async () => hasGuard(await create(namespace, plainPod('orders'))),
        `pods of ${namespace} are injected`,
      )
    await eventually(
      async () => (await cluster.send('POST', `${path('roles')}?dryRun=All`, role('x', ['/a/%41']))).status === 422,
      'roles are validated',
    )
  })
  afterAll(async () => {
    running?.known.stop()
    await running?.server.close(0)
    await running?.cluster.stop()
  })
  return {
    get cluster() {
      return there().cluster
    },
    get server() {
      return there().server
    },
    get known() {
      return there().known
    },
    get reached() {
      return there().reached
    },
    get serve() {
      return there().serve
    },
    create,
    askAt,
  }
}
