import { spawnSync } from 'node:child_process'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { kubectlPath } from '../cluster/binaries.ts'
import { kubeconfigPath } from '../cluster/real-cluster.ts'
import { kubectl } from '../demo/install.ts'
import { codeOf, documents } from '../unit/docs/documents.ts'
import { type CallLoop, startCalls } from './call-loop.ts'
import { apply, read, waitFor } from './cluster.ts'

// The one before may still be going.
const namespace = `adoption-${process.pid}`
let image: string
let calls: CallLoop

/** What the page shows, in its order, for the namespace of this test. */
const page = documents().find(({ path }) => path === 'docs/adopting-a-service.md') ?? { path: '', text: '' }
const here = (text: string) =>
  text.replaceAll('-n shop', `-n ${namespace}`).replaceAll('namespace: shop', `namespace: ${namespace}`)
const blocks = codeOf(page).map(here)
const yaml = blocks.find(block => block.includes('kind: GuardedService')) ?? ''
const commands = blocks.flatMap(block => [...block.matchAll(/^\$ kubectl (.*)$/gm)].map(([, command = '']) => command))

let kubectlAt: string
/** A command of the page, as a person types it: what it prints, warnings too. */
function type(command: string): string {
  const result = spawnSync('bash', ['-c', `"${kubectlAt}" --kubeconfig "${kubeconfigPath}" ${command}`], {
    encoding: 'utf8',
  })
  if (result.status !== 0) throw new Error(`${command}\n${result.stderr}`)
  return result.stdout + result.stderr
}
/** The command of the page that holds these words. */
function shown(...words: string[]): string {
  const found = commands.filter(command => words.every(word => command.includes(word)))
  expect(found, words.join(' ')).toHaveLength(1)
  return found[0] ?? ''
}

const rolledOut = () => type(`rollout status deployment/orders -n ${namespace} --timeout=120s`)
const enforced = async () => {
  const { status } = await read<{ status: { conditions: { type: string; reason: string; message: string }[] } }>(
    'guardedservices.latchkey.dev',
    namespace,
    'orders',
  )
  return status.conditions.find(({ type }) => type === 'Enforced')
}
const hostOfPods = () =>
  type(
    `get pods -n ${namespace} -l app=orders --field-selector=status.phase=Running -o jsonpath='{.items[*].spec.containers[0].env[?(@.name=="HOST")].value}'`,
  )
/** Some more calls came back since. */
async function callsGoOn(): Promise<void> {
  const before = calls.calls()
  await expect.poll(() => calls.calls(), { timeout: 30_000 }).toBeGreaterThan(before + 100)
  expect(calls.failures()).toEqual([])
}

const app = `const server = require('http').createServer((request, response) => response.end('hello'))
server.listen(8080, process.env.HOST)
process.on('SIGTERM', () => server.close())`

beforeAll(async () => {
  kubectlAt = await kubectlPath()
  const deployment = await read<{ spec: { template: { spec: { containers: { image: string }[] } } } }>(
    'deployments',
    'shop',
    'orders',
  )
  image = deployment.spec.template.spec.containers[0]?.image ?? ''
  await apply({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'orders', namespace },
        spec: {
          replicas: 2,
          strategy: { rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } },
          selector: { matchLabels: { app: 'orders' } },
          template: {
            metadata: { labels: { app: 'orders' } },
            spec: {
              automountServiceAccountToken: false,
              terminationGracePeriodSeconds: 15,
              containers: [
                {
                  name: 'app',
                  image,
                  command: ['node', '-e', app],
                  ports: [{ containerPort: 8080 }],
                  readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
                  lifecycle: { preStop: { sleep: { seconds: 5 } } },
                },
              ],
            },
          },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'orders', namespace },
        spec: { selector: { app: 'orders' }, ports: [{ port: 80, targetPort: 8080 }] },
      },
    ],
  })
  rolledOut()
  calls = await startCalls({ url: `http://orders.${namespace}.svc/` })
})
afterAll(async () => {
  await calls?.stop()
  await kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found'])
})

it('a guard is put in front of a service in the order of the page, and not one call is lost', async () => {
  await callsGoOn()
  await apply(yaml)
  await waitFor('guardedservices.latchkey.dev/orders', namespace, 'condition=Accepted')
  await expect
    .poll(async () => (await enforced())?.message, { timeout: 30_000 })
    .toContain('latchkey.dev/guard: orders')

  const label = [{ op: 'add', path: '/spec/template/metadata/labels/latchkey.dev~1guard', value: 'orders' }]
  type(`patch deployment orders -n ${namespace} --type=json -p '${JSON.stringify(label)}'`)
  rolledOut()
  await callsGoOn()
  expect(hostOfPods()).toBe('')

  await expect.poll(async () => (await enforced())?.message, { timeout: 30_000 }).toContain('kubectl patch service')
  const [, patch] = / Run: kubectl (.*)$/.exec(type(shown('-o jsonpath', '.message'))) ?? []
  type(patch ?? '')
  await callsGoOn()

  type(shown('rollout restart'))
  rolledOut()
  await callsGoOn()
  expect(hostOfPods().split(' ')).toContain('127.0.0.1')

  await expect.poll(() => type(shown('-o jsonpath', '.reason')), { timeout: 60_000 }).toBe('Enforced')
  expect(type(shown('patch guardedservices', '"Refuse"'))).not.toContain('Warning')
  type(`${shown('wait', 'condition=Enforced')} --timeout=60s`)
  await callsGoOn()
  expect(await enforced()).toMatchObject({ reason: 'Enforced' })
})

it('S11 the object deleted while guards are there: a warning, and the last policy goes on in its mode', async () => {
  const warned = type(`delete guardedservices.latchkey.dev orders -n ${namespace}`)
  expect(warned).toContain('go on deciding by their last policy for up to 24h')
  await callsGoOn()
  await apply(yaml)
  type(shown('patch guardedservices', '"Refuse"'))
  type(`${shown('wait', 'condition=Enforced')} --timeout=60s`)
})

it('a mistyped port: a warning, the condition says so, and calls go on', async () => {
  const retarget = (port: number) =>
    type(
      `patch guardedservices.latchkey.dev orders -n ${namespace} --type=merge -p '{"spec":{"targetRef":{"name":"orders","port":${port}}}}'`,
    )
  expect(retarget(81)).toContain('has no port 81')
  await waitFor('guardedservices.latchkey.dev/orders', namespace, 'condition=Accepted=False')
  await callsGoOn()
  retarget(80)
  await waitFor('guardedservices.latchkey.dev/orders', namespace, 'condition=Accepted')
})

it('the guard is taken away in the order of the page, and not one call is lost', async () => {
  type(shown('patch guardedservices', '"Report"'))
  type(shown('set env deployment/orders'))
  rolledOut()
  await callsGoOn()
  type(shown('patch service orders', '8080'))
  await callsGoOn()
  type(shown('latchkey.dev~1guard'))
  rolledOut()
  await callsGoOn()
  const guards = async () =>
    (await read<{ status: { guards: string } }>('guardedservices.latchkey.dev', namespace, 'orders')).status.guards
  await expect.poll(guards, { timeout: 30_000 }).toBe('0/2')
  const [, last] = /(kubectl delete guardedservices\.latchkey\.dev orders -n \S+?)`/.exec(here(page.text)) ?? []
  expect(type((last ?? '').replace('kubectl ', ''))).not.toContain('Warning')
  await callsGoOn()
  expect(calls.failures()).toEqual([])
})
