import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../cluster/binaries.ts'
import { buildImage, type Image, loadImage } from '../cluster/image.ts'
import { helm, installChart, kubectl } from '../demo/install.ts'
import { fullCommit, previousBundle, previousRelease } from '../previous-bundle.ts'
import { type CallLoop, startCalls } from './call-loop.ts'
import { apply, read, waitFor } from './cluster.ts'

const release = 'prior'
const system = 'latchkey-prior'
const [shop, checkout] = ['prior-shop', 'prior-checkout']
const values = [
  'installation=prior',
  'crds.enabled=false',
  'rbac.aggregate=false',
  ...['operator', 'issuer', 'webhook'].map(process => `${process}.replicas=1`),
]
/** Two roll-outs each, on a machine that may be slow. */
const patience = 480_000
let folder: string
let calls: CallLoop

/** The image of the release before, of the bundle that it had. */
async function previousImage(): Promise<Image> {
  cpSync(await previousBundle(previousRelease.commit), join(folder, 'dist'), { recursive: true })
  const dockerfile = join(repositoryRoot, 'Dockerfile')
  const image = await buildImage({ name: 'latchkey-previous', dockerfile, context: folder, contents: ['dist'] })
  await loadImage(image.reference)
  return image
}

/** The chart of the release before, as its commit has it. */
function previousChart(): string {
  const commit = fullCommit(previousRelease.commit)
  const archive = execFileSync('git', ['archive', commit, 'charts/latchkey'], { cwd: repositoryRoot })
  execFileSync('tar', ['-x', '-C', folder], { input: archive })
  return join(folder, 'charts/latchkey')
}

const lingering = '          lifecycle: { preStop: { sleep: { seconds: 20 } } }\n'

/** The example, in namespaces of its own that belong to this installation. */
async function applyExample(image: string): Promise<void> {
  const k8s = join(repositoryRoot, 'examples/orders/k8s')
  for (const file of readdirSync(k8s).sort()) {
    const yaml = readFileSync(join(k8s, file), 'utf8')
      .replaceAll('latchkey-orders:dev', image)
      .replaceAll(/(namespace|name): (shop|checkout)$/gm, (all, key: string, name: string) =>
        // The client and its key are called checkout too.
        key === 'namespace' || file.startsWith('1-') ? `${key}: prior-${name}` : all,
      )
      .replaceAll('orders.shop.svc', `orders.${shop}.svc`)
      // What the node's proxy does with a pod that goes is not what is tested here: it has longer than by default.
      .replace('          env:\n            - name: HOST', `${lingering}$&`)
      .replace('latchkey.dev/guard: orders\n    spec:\n', '$&      terminationGracePeriodSeconds: 90\n')
      .replaceAll('  labels:\n    pod-security', '  labels:\n    latchkey.dev/installation: prior\n    pod-security')
    await apply(yaml)
  }
}

const rolledOut = (namespace: string, name: string) =>
  kubectl(['rollout', 'status', `deployment/${name}`, '--namespace', namespace, '--timeout=180s'])
async function settled(): Promise<void> {
  await waitFor('accesskeys.latchkey.dev/checkout', checkout, 'condition=Ready')
  await waitFor('guardedservices.latchkey.dev/orders', shop, 'condition=Enforced')
  await waitFor('accessgrants.latchkey.dev/checkout-reads-orders', shop, 'condition=Ready')
}
/** Pods keep the guard that they were made with: the administrator rolls them out again, while calls come in. */
async function rollOutGuards(): Promise<string> {
  await kubectl(['rollout', 'restart', 'deployment/orders', '--namespace', shop])
  await rolledOut(shop, 'orders')
  await settled()
  return kubectl([
    ...['get', 'pods', '--namespace', shop, '--selector', 'latchkey.dev/guard'],
    ...['--field-selector=status.phase=Running'],
    ...['--output', 'jsonpath={.items[*].spec.initContainers[?(@.name=="latchkey-guard")].image}'],
  ])
}
/** Some hundred calls more were answered, and not one was refused or lost. */
async function callsGoOn(): Promise<void> {
  const before = calls.calls()
  await expect.poll(() => calls.calls(), { timeout: 60_000 }).toBeGreaterThan(before + 300)
  expect(calls.failures()).toEqual([])
}

/** Who the client is and what it signs with. */
async function identity(): Promise<object> {
  const secret = await read<{ metadata: { uid: string }; data: Record<string, string> }>(
    'secrets',
    checkout,
    'checkout',
  )
  const client = await read<{ status: { clientId: string } }>('apiclients.latchkey.dev', checkout, 'checkout')
  const key = await read<{ status: { keyId: string; keys: { kid: string; state: string }[] } }>(
    'accesskeys.latchkey.dev',
    checkout,
    'checkout',
  )
  return {
    clientId: client.status.clientId,
    keyId: key.status.keyId,
    keys: key.status.keys.map(({ kid, state }) => [kid, state]),
    secret: [secret.metadata.uid, secret.data['private.jwk'], secret.data['private.pem']],
  }
}

describe(`F16 an installation of release ${previousRelease.release}, called all the time`, () => {
  let before: object
  let previous: Image

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-upgrade-'))
    previous = await previousImage()
    await helm([
      ...['upgrade', '--install', release, previousChart(), '--namespace', system, '--create-namespace'],
      ...['--wait', '--timeout', '5m', '--set', `image.reference=${previous.reference}`],
      ...values.flatMap(value => ['--set', value]),
    ])
    const orders = await read<{ spec: { template: { spec: { containers: { image: string }[] } } } }>(
      'deployments',
      'shop',
      'orders',
    )
    await applyExample(orders.spec.template.spec.containers[0]?.image ?? '')
    await rolledOut(shop, 'orders')
    await rolledOut(checkout, 'caller')
    await settled()
    calls = await startCalls({
      url: `http://orders.${shop}.svc/orders`,
      namespace: checkout,
      keyDirectory: '/var/run/secrets/latchkey',
      audience: `https://orders.${shop}.svc`,
    })
    before = await identity()
  }, patience)
  afterAll(async () => {
    await calls?.stop()
    await helm(['uninstall', release, '--namespace', system, '--ignore-not-found', '--wait']).catch(() => undefined)
    await kubectl(['delete', 'namespace', system, shop, checkout, '--ignore-not-found', '--wait=false'])
    rmSync(folder, { recursive: true, force: true })
  })

  it(
    'F16 is upgraded by helm without a failed call, and mints nothing',
    async () => {
      await callsGoOn()
      const image = JSON.parse(readFileSync(join(repositoryRoot, 'build/image.json'), 'utf8')) as Image
      await installChart({ release, namespace: system, image, values })
      await settled()
      await callsGoOn()
      expect(await identity()).toEqual(before)
      // Guards of both releases, side by side, until the last pod is another.
      expect(new Set((await rollOutGuards()).split(' '))).toContain(image.reference)
      await callsGoOn()
      expect(await identity()).toEqual(before)
    },
    patience,
  )

  it(
    'F16 goes back by helm rollback without a failed call, and mints nothing',
    async () => {
      await helm(['rollback', release, '1', '--namespace', system, '--wait', '--timeout', '5m'])
      await settled()
      await callsGoOn()
      expect(new Set((await rollOutGuards()).split(' '))).toContain(previous.reference)
      await callsGoOn()
      expect(await identity()).toEqual(before)
    },
    patience,
  )

  it('left the other installation of the cluster as it was', async () => {
    const names = (await kubectl(['get', 'deployments', '--namespace', 'latchkey-system', '--output', 'name'])).trim()
    for (const name of names.split('\n')) await kubectl(['rollout', 'status', name, '--namespace', 'latchkey-system'])
    await waitFor('guardedservices.latchkey.dev/orders', 'shop', 'condition=Enforced')
    const client = await read<{ status: { issuer: string } }>('apiclients.latchkey.dev', 'checkout', 'checkout')
    expect(client.status.issuer).toContain('latchkey-issuer.latchkey-system.svc')
  })
})
