import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { kubectl } from '../demo/install.ts'
import { apply, read, waitFor } from './cluster.ts'

// The one before may still be going.
const namespace = `secrets-${process.pid}`
const url = `http://api.${namespace}.svc/orders`

/** Tells each caller what it saw of the call. */
const app = `const server = require('http').createServer(({ url, rawHeaders }, response) => {
  response.end(JSON.stringify({ url, rawHeaders }))
})
server.listen(8080, '127.0.0.1')
process.on('SIGTERM', () => server.close(() => process.exit()))`

const deployment = (image: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'api', namespace },
  spec: {
    selector: { matchLabels: { app: 'api' } },
    template: {
      metadata: { labels: { app: 'api', 'latchkey.dev/guard': 'api' } },
      spec: {
        automountServiceAccountToken: false,
        securityContext: { runAsNonRoot: true, runAsUser: 1_000, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'app',
            image,
            command: ['node', '-e', app],
            ports: [{ containerPort: 8_080 }],
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

const own = (kind: string, name: string, spec: object, at = namespace) => ({
  apiVersion: 'latchkey.dev/v1alpha1',
  kind,
  metadata: { name, namespace: at },
  spec,
})
const accessKey = (name: string, type: string, services = [{ namespace, name: 'api' }]) =>
  own('AccessKey', name, { clientRef: { name: 'caller' }, type, services })

let clientId: string
/** What the keys' Secrets say is sent. */
let [secret, key, other] = ['', '', '']
async function secretOf(name: string): Promise<string> {
  const { data } = await read<{ data: { secret: string } }>('secrets', namespace, name)
  return Buffer.from(data.secret, 'base64').toString('utf8')
}

interface Answer {
  readonly status: number
  readonly decision: string
  readonly body: string
}

/** Calls, one after the other, from a pod of another namespace. */
async function call(...calls: { query?: string; headers?: Record<string, string> }[]): Promise<Answer[]> {
  const script = `const answers = []
for (const { query = '', headers = {} } of ${JSON.stringify(calls)}) {
  const answer = await fetch(${JSON.stringify(url)} + query, { headers })
  answers.push({ status: answer.status, decision: answer.headers.get('latchkey-decision'), body: await answer.text() })
}
console.log(JSON.stringify(answers))`
  const caller = ['exec', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller', '--']
  return JSON.parse(await kubectl([...caller, 'node', '--input-type=module', '-e', script])) as Answer[]
}
const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } })
const basic = (key: string) => ({ headers: { authorization: `Basic ${key}` } })
const inHeader = (key: string) => ({ headers: { 'x-api-key': key } })
const inQuery = (key: string) => ({ query: `?a=%20&api-key=${key}&b` })
const refused = (reason: string, status = 401) => ({ status, decision: `deny; reason=${reason}; by=guard` })

beforeAll(async () => {
  const orders = await read<{ spec: { template: { spec: { containers: { image: string }[] } } } }>(
    'deployments',
    'shop',
    'orders',
  )
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  const service = { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'guard' }] }
  await apply({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'api', namespace }, spec: service },
      own('GuardedService', 'api', {
        targetRef: { name: 'api', port: 80 },
        accepts: ['StaticSecret', 'ApiKey'],
        apiKey: { header: 'X-Api-Key', query: 'api-key' },
      }),
      own('Role', 'reader', { rules: [{ services: ['api'], methods: ['GET'], paths: ['/orders'] }] }),
      own('ApiClient', 'caller', {}),
      own('AccessGrant', 'caller-reads', { roleRef: { name: 'reader' }, clients: [{ namespace, name: 'caller' }] }),
      accessKey('static', 'StaticSecret'),
      accessKey('key', 'ApiKey'),
      accessKey('elsewhere', 'ApiKey', [{ namespace: 'shop', name: 'orders' }]),
      deployment(orders.spec.template.spec.containers[0]?.image ?? ''),
    ],
  })
  const keys = ['static', 'key', 'elsewhere']
  const enforced = async (): Promise<void> => {
    await Promise.all(keys.map(name => waitFor(`accesskeys.latchkey.dev/${name}`, namespace, 'condition=Enforced')))
    ;[secret = '', key = '', other = ''] = await Promise.all(keys.map(secretOf))
    const client = await read<{ status: { clientId: string } }>('apiclients.latchkey.dev', namespace, 'caller')
    clientId = client.status.clientId
  }
  const rolledOut = kubectl(['rollout', 'status', 'deployment/api', '--namespace', namespace, '--timeout=120s'])
  await Promise.all([rolledOut, enforced()])
  // What was enforced before the guard was there is so again once the guard says so.
  await waitFor('guardedservices.latchkey.dev/api', namespace, 'condition=Enforced')
  // A pod is ready a moment before its Service leads to it from another.
  await vi.waitFor(async () => expect((await call(bearer(secret)))[0]?.status).toBe(200), {
    timeout: 15_000,
    interval: 200,
  })
})
afterAll(async () => {
  await kubectl(['delete', 'namespace', namespace, '--wait=false', '--ignore-not-found'])
})

it('a static secret and an API key let their client in from wherever they stand, and the app sees none', async () => {
  const answers = await call(bearer(secret), basic(key), inHeader(key), inQuery(key))
  const allowed = { status: 200, decision: 'allow; reason=granted; by=guard' }
  expect(answers).toMatchObject([allowed, allowed, allowed, allowed])
  expect(answers.map(({ body }) => JSON.parse(body).url)).toEqual(['/orders', '/orders', '/orders', '/orders?a=%20&b'])
  for (const { body } of answers) {
    expect(body).toContain(`"Latchkey-Client","${clientId}"`)
    expect(body).not.toMatch(new RegExp(`${secret}|${key}|lks_`))
  }
})

it('a typo, and a key of another service, prove nobody', async () => {
  const typo = (text: string) => text.slice(0, -1) + (text.endsWith('x') ? 'y' : 'x')
  const faults = [bearer(typo(secret)), inHeader(typo(key)), inQuery(typo(key)), inHeader(other), inQuery(other)]
  const [twice, ...answers] = await call({ query: `?api-key=${key}&api-key=${key}` }, ...faults)
  expect(answers).toMatchObject(faults.map(() => refused('invalid_token')))
  expect(twice).toMatchObject(refused('credential_ambiguous', 400))
})

it('a key that is revoked is refused by every guard once it says Enforced, and the other one stays', async () => {
  const revoked = JSON.stringify({ spec: { revoked: { reason: 'test' } } })
  await kubectl(['patch', 'accesskeys.latchkey.dev/key', '-n', namespace, '--type=merge', '-p', revoked])
  await waitFor('accesskeys.latchkey.dev/key', namespace, 'jsonpath={.status.state}=Revoked')
  await waitFor('accesskeys.latchkey.dev/key', namespace, 'condition=Enforced')
  expect(await call(inHeader(key), inQuery(key), bearer(secret))).toMatchObject([
    refused('key_revoked'),
    refused('key_revoked'),
    { status: 200 },
  ])
})
