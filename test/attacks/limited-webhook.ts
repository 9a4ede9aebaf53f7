import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestOptions, request, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bundle } from '../../bundling/bundle.ts'
import { type LimitedProcess, startLimited } from '../cluster/limited-process.ts'
import { makePair } from '../unit/webhook/make-pair.ts'

/** The webhook as it ships, within its chart's limit, beside an API server of a few objects. */
export interface LimitedWebhook {
  readonly process: LimitedProcess
  readonly port: number
  readonly ca: string
  /** The path that the API server knows. */
  readonly path: string
  /** One review as the API server asks it. @returns its status @throws Error after 10 s without an answer */
  review(): Promise<number | undefined>
  stop(): Promise<void>
}

const part = 'a'.repeat(32)

export async function startLimitedWebhook(): Promise<LimitedWebhook> {
  const folder = await mkdtemp(join(tmpdir(), 'limited-webhook-'))
  await Promise.all((['webhook', 'admission'] as const).map(name => bundle(name, folder)))
  const pair = await makePair()
  const api = apiServer(pair)
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, kubeconfigFor(`https://127.0.0.1:${(api.address() as AddressInfo).port}`, pair.ca))
  const process = await startLimited({
    command: globalThis.process.execPath,
    args: [join(folder, 'webhook.mjs')],
    mebibytes: 256,
    upWith: 'certificate loaded',
    env: {
      NODE_OPTIONS: '--max-old-space-size=192',
      ...{ LATCHKEY_NAMESPACE: 'latchkey-system', LATCHKEY_FULLNAME: 'latchkey', LATCHKEY_KUBECONFIG: kubeconfig },
      ...{ LATCHKEY_ISSUER_URL: 'https://issuer/default', LATCHKEY_SNAPSHOT_URL: 'https://issuer:8444' },
      ...{ LATCHKEY_HEALTH_PORT: '0', LATCHKEY_PORT: '0', LATCHKEY_GUARD_IMAGE: 'latchkey:0.1.0' },
    },
  })
  const port = portOf(process, 'webhook')
  const at = { host: '127.0.0.1', port, ca: pair.ca }
  return {
    ...{ process, port, ca: pair.ca, path: `/validate/${part}` },
    review: () => ask({ ...at, path: `/validate/${part}` }),
    async stop() {
      await process.stop()
      api.closeAllConnections()
      api.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The port that a process said it listens at. */
export function portOf(process: LimitedProcess, server: string): number {
  const line = process.said().find(text => text.includes(`"server":"${server}"`) && text.includes('"listening"'))
  return Number(/"port":(\d+)/.exec(line ?? '')?.[1])
}

const review = JSON.stringify({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    ...{ uid: 'u', operation: 'CREATE', namespace: 'shop', name: 'r', userInfo: { username: 'dev' } },
    kind: { group: 'latchkey.dev', version: 'v1alpha1', kind: 'Role' },
    object: { spec: { rules: [{ services: ['orders'], methods: ['GET'], paths: ['/a'] }] } },
  },
})

function ask(at: RequestOptions): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(review) }
    const signal = AbortSignal.timeout(10_000)
    const sent = request({ ...at, method: 'POST', headers, agent: false, signal }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode))
    })
    sent.on('error', reject)
    sent.end(review)
  })
}

/** Knows the webhook's Secret and configurations, allows everything and has nothing else. */
function apiServer(pair: { cert: string; key: string }): Server {
  const data = Object.entries({ 'tls.crt': pair.cert, 'tls.key': pair.key, path: part })
  const secret = {
    metadata: { name: 'latchkey-webhook-tls', resourceVersion: '1' },
    data: Object.fromEntries(data.map(([name, text]) => [name, Buffer.from(text).toString('base64')])),
  }
  const configuration = (question: string) => ({
    metadata: { name: 'latchkey' },
    webhooks: [{ clientConfig: { service: { path: `/${question}/${part}` } } }],
  })
  const answers: Readonly<Record<string, object>> = {
    secrets: secret,
    validatingwebhookconfigurations: configuration('validate'),
    mutatingwebhookconfigurations: configuration('mutate'),
    subjectaccessreviews: { status: { allowed: true } },
  }
  return createServer({ cert: pair.cert, key: pair.key }, (request, response) => {
    request.resume()
    const found = Object.entries(answers).find(([plural]) => request.url?.includes(plural))?.[1]
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(found ?? { kind: 'Status', code: 404 }))
  })
}

function kubeconfigFor(server: string, ca: string): string {
  const authority = { 'certificate-authority-data': Buffer.from(ca).toString('base64') }
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [{ name: 'test', cluster: { server, ...authority } }],
    users: [{ name: 'test', user: { token: 'test' } }],
  })
}
