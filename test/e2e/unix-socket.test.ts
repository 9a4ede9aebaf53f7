import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { kubectl } from '../demo/install.ts'
import { apply, podsOf, read, waitFor } from './cluster.ts'

// The one before may still be going.
const namespace = `socket-${process.pid}`
const url = `http://api.${namespace}.svc/orders`
const group = 2_000

/** Tells each caller how many came before, and who the guard says it is. */
const app = `const path = '/run/app/app.sock'
process.umask(0o007)
require('fs').rmSync(path, { force: true })
let calls = 0
const server = require('http').createServer((request, response) => {
  if (request.url === '/healthz') return response.end('ok')
  calls++
  response.end(JSON.stringify({ calls, client: request.headers['latchkey-client'], over: server.address() }))
})
server.listen(path)
process.on('SIGTERM', () => server.close(() => process.exit()))`

const deployment = (image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'api', namespace },
  spec: {
    selector: { matchLabels: { app: 'api' } },
    template: {
      metadata: {
        labels: { app: 'api', 'latchkey.dev/guard': 'api' },
        annotations: { 'latchkey.dev/upstream-socket': '/run/app/app.sock' },
      },
      spec: {
        automountServiceAccountToken: false,
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 1_000,
          runAsGroup: group,
          fsGroup: group,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: 'app',
            image,
            command: ['node', '-e', app],
            readinessProbe: { httpGet: { path: '/healthz', port: 80 }, periodSeconds: 1 },
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
          },
        ],
      },
    },
  },
})

const own = (kind: string, name: string, spec: object) => ({
  apiVersion: 'latchkey.dev/v1alpha1',
  kind,
  metadata: { name, namespace },
  spec,
})

interface Answer {
  readonly status: number
  readonly decision?: string
  readonly body: unknown
}

/** A call from the example's caller, a pod of another namespace. */
async function call(method: string, ...args: string[]): Promise<Answer> {
  const caller = ['exec', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller', '--']
  const text = await kubectl([...caller, 'node', '/app/caller.mjs', ...args, method, url])
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as Answer
}

/** What a script says that runs in the app's container. */
const inPod = async (script: string): Promise<unknown> =>
  JSON.parse(
    await kubectl(['exec', '--namespace', namespace, 'deploy/api', '--container', 'app', '--', 'node', '-e', script]),
  )

/** Ports that anything in the pod listens on: its containers have one network. */
const listening = `const lines = ['tcp', 'tcp6'].flatMap(name => require('fs').readFileSync('/proc/net/' + name, 'utf8').split('\\n').slice(1))
const rows = lines.map(line => line.trim().split(/\\s+/)).filter(([, , , state]) => state === '0A')
console.log(JSON.stringify([...new Set(rows.map(([, address]) => parseInt(address.split(':').at(-1), 16)))].sort()))`

const socket = `const { mode, gid } = require('fs').statSync('/run/app/app.sock')
console.log(JSON.stringify({ mode: (mode & 0o777).toString(8), gid }))`

beforeAll(async () => {
  const orders = await read<{ spec: { template: { spec: { containers: { image: string }[] } } } }>(
    'deployments',
    'shop',
    'orders',
  )
  const image = orders.spec.template.spec.containers[0]?.image ?? ''
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const service = { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'guard' }] }
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } })
  await apply({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'api', namespace }, spec: service })
  await apply(own('GuardedService', 'api', { targetRef: { name: 'api', port: 80 } }))
  await apply(own('Role', 'reader', { rules: [{ services: ['api'], methods: ['GET'], paths: ['/orders'] }] }))
  const clients = [{ namespace: 'checkout', name: 'checkout' }]
  await apply(own('AccessGrant', 'checkout-reads', { roleRef: { name: 'reader' }, clients }))
  await apply(deployment(image))
  await kubectl(['rollout', 'status', 'deployment/api', '--namespace', namespace, '--timeout=120s'])
  await waitFor('guardedservices.latchkey.dev/api', namespace, 'condition=Enforced')
  // A pod is ready a moment before its Service leads to it from another.
  await vi.waitFor(async () => expect((await call('GET')).status).toBe(200), { timeout: 15_000, interval: 200 })
})
afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found'])
})

it('a call that is granted reaches an app that listens on a Unix socket alone', async () => {
  const answer = await call('GET')
  expect(answer).toMatchObject({ status: 200, decision: expect.stringContaining('reason=granted') })
  const { status } = await read<{ status: { clientId: string } }>('apiclients.latchkey.dev', 'checkout', 'checkout')
  expect(answer.body).toMatchObject({ client: status.clientId, over: '/run/app/app.sock' })
})

it('calls that are not granted are refused, and the app hears of none', async () => {
  const { calls } = (await call('GET')).body as { calls: number }
  expect(await call('GET', '--no-token')).toMatchObject({
    status: 401,
    decision: expect.stringContaining('reason=credential_missing'),
  })
  expect(await call('GET', '--key', '/var/run/secrets/stranger')).toMatchObject({
    status: 401,
    decision: expect.stringContaining('reason=invalid_token'),
  })
  expect(await call('DELETE')).toMatchObject({
    status: 403,
    decision: expect.stringContaining('reason=not_granted'),
  })
  expect((await call('GET')).body).toMatchObject({ calls: calls + 1 })
})

it('nothing but the guard listens on TCP in the pod, so there is no way past it', async () => {
  const [pod] = await podsOf(namespace, 'app=api')
  const { spec } = await read<{
    spec: { initContainers: { name: string; ports: { containerPort: number }[] }[]; containers: { ports?: object[] }[] }
  }>('pods', namespace, pod?.metadata.name ?? '')
  const ofGuard = spec.initContainers.flatMap(({ ports }) => ports.map(({ containerPort }) => containerPort))
  expect(await inPod(listening)).toEqual(ofGuard.sort())
  expect(spec.containers.flatMap(({ ports = [] }) => ports)).toEqual([])
})

it('the socket is of the group that the guard is in, and nobody else may connect', async () => {
  expect(await inPod(socket)).toEqual({ mode: '770', gid: group })
})
