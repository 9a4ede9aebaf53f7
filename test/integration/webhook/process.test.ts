import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:https'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { makePair } from '../../unit/webhook/make-pair.ts'
import { kubectl, renderChart } from '../chart/render-chart.ts'
import { type Cluster, eventually, startCluster } from '../policies/setup.ts'

let cluster: Cluster
let child: ChildProcess
const ports = new Map<string, number>()

beforeAll(async () => {
  cluster = await startCluster('webhook-process', { 'latchkey-system': {} })
  const rights = (await renderChart()).filter(({ kind }) => /Role/.test(kind))
  await kubectl(cluster.plane.kubeconfig, ['apply', '--filename=-'], rights)
  child = spawn(process.execPath, [join(repositoryRoot, 'webhook/main.ts')], {
    env: {
      LATCHKEY_NAMESPACE: 'latchkey-system',
      LATCHKEY_FULLNAME: 'latchkey',
      LATCHKEY_ISSUER_URL: 'https://latchkey-issuer.latchkey-system.svc/default',
      LATCHKEY_KUBECONFIG: await cluster.plane.kubeconfigFor(
        'system:serviceaccount:latchkey-system:latchkey-webhook',
        [],
      ),
      LATCHKEY_HEALTH_PORT: '0',
      LATCHKEY_PORT: '0',
      LATCHKEY_GUARD_IMAGE: 'latchkey:0.1.0',
      LATCHKEY_SNAPSHOT_URL: 'https://latchkey-issuer.latchkey-system.svc:8444',
      LATCHKEY_GUARD_RESOURCES: '{}',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', text => {
    const line = JSON.parse(text) as { msg: string; server?: string; port?: number }
    if (line.msg === 'listening') ports.set(line.server ?? '', line.port ?? 0)
  })
  await eventually(async () => ports.size === 2, 'both servers listen')
})
afterAll(async () => {
  if (child?.exitCode === null) child.kill('SIGKILL')
  await cluster?.stop()
})

const readyz = () => fetch(`http://127.0.0.1:${ports.get('health')}/readyz`)

/** The certificate it serves, as a client that trusts this authority sees it. */
function served(ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asking = request(`https://127.0.0.1:${ports.get('webhook')}/`, { ca, agent: false }, response => {
      const { socket } = response
      resolve(
        'getPeerCertificate' in socket
          ? String(
              (socket as never as { getPeerCertificate(): { fingerprint256: string } }).getPeerCertificate()
                .fingerprint256,
            )
          : '',
      )
      response.resume()
    })
    asking.on('error', reject)
    asking.end()
  })
}

it('is ready once its certificate is there, with the rights of the chart, and ends in order', async () => {
  const early = await readyz()
  expect([early.status, await early.text()]).toEqual([
    503,
    'no certificate: Secret latchkey-webhook-tls is not there yet\n',
  ])
  const pair = await makePair()
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'latchkey-webhook-tls', namespace: 'latchkey-system' },
    stringData: { 'tls.crt': pair.cert, 'tls.key': pair.key },
  }
  await kubectl(cluster.plane.kubeconfig, ['apply', '--filename=-'], [secret])
  await eventually(async () => (await readyz()).status === 200, 'the process is ready')
  expect(await served(pair.ca)).toMatch(/^[0-9A-F:]{95}$/)
  await expect(served((await makePair()).ca)).rejects.toThrow()

  const metrics = await (await fetch(`http://127.0.0.1:${ports.get('health')}/metrics`)).text()
  const expiry = /^latchkey_serving_certificate_expiry_timestamp_seconds (\d+)$/m.exec(metrics)?.[1]
  expect(Number(expiry) - Date.now() / 1000).toBeGreaterThan(86_000)

  child.kill('SIGTERM')
  await eventually(async () => (await readyz()).status === 503, 'it says that it stops')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})
