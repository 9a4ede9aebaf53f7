import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../cluster/binaries.ts'
import { runScript, step } from '../cluster/progress.ts'
import { type Call, type CallRow, callFromPod, callUntil, type Expected, matches } from './calls.ts'
import { clusterUp, installChart, kubectl, latchkeyImage, ordersImage, systemNamespace } from './install.ts'
import { table } from './table.ts'

const url = 'http://orders.shop.svc'
const checkout = { client: 'checkout', arguments: [] }

/** The calls that the demo shows, with the answer each must have. */
const calls: readonly (readonly [string, Call, Expected])[] = [
  [
    'no credential',
    { client: '(none)', arguments: ['--no-token'], method: 'GET', url: `${url}/orders` },
    { status: 401, reason: 'credential_missing' },
  ],
  ['the right key', { ...checkout, method: 'GET', url: `${url}/orders` }, { status: 200, reason: 'granted' }],
  [
    'a verb that is not granted',
    { ...checkout, method: 'DELETE', url: `${url}/orders/1` },
    { status: 403, reason: 'not_granted' },
  ],
  [
    'a key of a client that this service does not know',
    { client: 'stranger', arguments: ['--key', '/var/run/secrets/stranger'], method: 'GET', url: `${url}/orders` },
    { status: 401, reason: 'invalid_token' },
  ],
  [
    'a public path, without a credential',
    { client: '(none)', arguments: ['--no-token'], method: 'GET', url: `${url}/healthz` },
    { status: 200, reason: 'public' },
  ],
]
/** The client had no other grant here: it is as unknown to the guard as the stranger is. */
const grantGone: Expected = { status: 401, reason: 'invalid_token' }

async function main(): Promise<void> {
  const started = performance.now()
  await step('cluster', clusterUp)
  const image = await step('image of Latchkey', latchkeyImage)
  const orders = await step('image of the example', ordersImage)
  await step('helm install latchkey charts/latchkey --wait', () =>
    installChart({ release: 'latchkey', namespace: systemNamespace, image }),
  )
  await step('kubectl apply -f examples/orders/k8s', () => applyExample(orders.reference))
  await renewGuards(image.reference)
  await step('guards hold the policy', settled)

  const rows: CallRow[] = []
  const wrong: string[] = []
  const check = (what: string, row: CallRow, expected: Expected): void => {
    rows.push(row)
    if (!matches(row, expected))
      wrong.push(`${what}: expected ${expected.status} ${expected.reason}, got ${row.status} ${row.reason}`)
  }
  for (const [what, call, expected] of calls) check(what, await callFromPod(call), expected)
  const { row, afterMs } = await withoutGrant()
  check('the AccessGrant is deleted', row, grantGone)
  report(rows, afterMs)
  process.stdout.write(`\n$ kubectl get apiclients,accesskeys,roles.latchkey.dev,accessgrants,guardedservices -A\n`)
  process.stdout.write(
    await kubectl(['get', 'apiclients,accesskeys,roles.latchkey.dev,accessgrants,guardedservices', '-A']),
  )
  if (wrong.length > 0) throw new Error(`the demo went wrong:\n${wrong.join('\n')}`)
  next((performance.now() - started) / 1000)
}

async function applyExample(reference: string): Promise<void> {
  const folder = join(repositoryRoot, 'examples/orders/k8s')
  for (const file of readdirSync(folder).sort()) {
    const yaml = readFileSync(join(folder, file), 'utf8').replaceAll('latchkey-orders:dev', reference)
    await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], yaml)
  }
}

/** Pods keep the guard they were made with: after an upgrade they are rolled out anew, as an administrator would. */
async function renewGuards(reference: string): Promise<void> {
  const images = await kubectl([
    ...['get', 'pods', '--namespace', 'shop', '--selector', 'latchkey.dev/guard'],
    ...['--output', 'jsonpath={.items[*].spec.initContainers[?(@.name=="latchkey-guard")].image}'],
  ])
  if (images.split(' ').every(image => image === '' || image === reference)) return
  await step('kubectl rollout restart deployment/orders -n shop, for the new guard', async () => {
    await kubectl(['rollout', 'restart', 'deployment/orders', '--namespace', 'shop'])
    await kubectl(['rollout', 'status', 'deployment/orders', '--namespace', 'shop', '--timeout=180s'])
  })
}

/** Until every pod is there and every guard holds the policy that was applied. */
async function settled(): Promise<void> {
  const wait = (namespace: string, object: string, condition: string) =>
    kubectl(['wait', object, '--namespace', namespace, `--for=condition=${condition}`, '--timeout=120s'])
  await wait('checkout', 'accesskeys.latchkey.dev/checkout', 'Ready')
  await wait('checkout', 'accesskeys.latchkey.dev/stranger', 'Ready')
  await kubectl(['rollout', 'status', 'deployment/orders', '--namespace', 'shop', '--timeout=180s'])
  await kubectl(['rollout', 'status', 'deployment/caller', '--namespace', 'checkout', '--timeout=180s'])
  await wait('shop', 'accessgrants.latchkey.dev/checkout-reads-orders', 'Enforced')
  await wait('shop', 'guardedservices.latchkey.dev/orders', 'Enforced')
}

/** Takes the grant away, calls until the guard has heard of it, and gives the grant back. */
async function withoutGrant(): Promise<{ row: CallRow; afterMs: number }> {
  const grant = ['accessgrants.latchkey.dev', 'checkout-reads-orders', '--namespace', 'shop']
  const kept = JSON.parse(await kubectl(['get', ...grant, '--output', 'json'])) as { spec: object }
  await kubectl(['delete', ...grant])
  const deleted = performance.now()
  const row = await callUntil({ ...checkout, method: 'GET', url: `${url}/orders` }, grantGone, 15_000)
  const afterMs = performance.now() - deleted
  await kubectl(
    ['apply', '--server-side', '-f', '-'],
    JSON.stringify({
      apiVersion: 'latchkey.dev/v1alpha1',
      kind: 'AccessGrant',
      metadata: { name: 'checkout-reads-orders', namespace: 'shop' },
      spec: kept.spec,
    }),
  )
  await kubectl([
    'wait',
    ...grant.slice(0, 1),
    'checkout-reads-orders',
    '--namespace',
    'shop',
    '--for=condition=Ready',
    '--timeout=60s',
  ])
  return { row, afterMs }
}

function report(rows: readonly CallRow[], afterMs: number): void {
  mkdirSync(join(repositoryRoot, 'build'), { recursive: true })
  writeFileSync(join(repositoryRoot, 'build/demo.json'), `${JSON.stringify(rows, undefined, 2)}\n`)
  const what = [...calls.map(([text]) => text), 'the AccessGrant was deleted a moment ago']
  process.stdout.write(
    `\n${table(
      ['CLIENT', 'REQUEST', 'STATUS', 'REASON', 'TIME', ''],
      rows.map((row, index) => [
        row.client,
        row.call,
        String(row.status),
        row.reason,
        `${row.millis} ms`,
        what[index] ?? '',
      ]),
    )}\n`,
  )
  process.stdout.write(
    `\nFrom the deletion of the grant to the first refused call: ${Math.round(afterMs)} ms, the start of the caller included.\n`,
  )
}

function next(seconds: number): void {
  process.stdout.write(`
Done in ${seconds.toFixed(0)} s. The rows are in build/demo.json. Try next (export KUBECONFIG=build/kubeconfig PATH=$PWD/build/bin:$PATH):

  kubectl logs -n shop deploy/orders -c latchkey-guard --tail=5        # one audit line per decision
  kubectl get accesskeys,guardedservices -A -o wide                    # key ids, revisions, what is enforced
  kubectl patch accesskeys.latchkey.dev checkout -n checkout --type=merge -p '{"spec":{"keysNotBefore":"'$(date -u +%FT%TZ)'"}}'   # a leak: a new key, at once
`)
}

runScript(main)
