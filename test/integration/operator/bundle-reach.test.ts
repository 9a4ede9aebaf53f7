import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotationRequestedAt } from '../../../core/keys/rotation-request.ts'
import type { WebhookConfiguration } from '../../../operator/certificates/plan-admission-path.ts'
import { type SecretOf, textsOf } from '../../../operator/owned-objects.ts'
import { type RunningOperator, runOperator } from '../../../operator/run-operator.ts'
import { systemClock } from '../../../platform/clock.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import {
  accessKeys,
  apiClients,
  configMaps,
  guardedServices,
  secrets,
  services,
  validatingWebhooks,
} from '../../../platform/kube/resources.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { condition, configOf, startTestCluster, type TestCluster, until } from './cluster.ts'

const dayMs = 86_400_000
let cluster: TestCluster
let operator: RunningOperator | undefined
let aheadMs = 0
const quiet = createQuietLog()
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(async () => {
  await operator?.stop()
  await cluster?.stop()
})

/** A leader that takes over at another time of day: it looks at everything anew. */
async function leadAt(days: number): Promise<void> {
  await operator?.stop()
  aheadMs = days * dayMs
  const clock = { ...systemClock, wallMs: () => Date.now() + aheadMs }
  operator = await runOperator({ client: cluster.client, config: configOf(), log: quiet.log, clock })
}

const ours = async (name: string) =>
  textsOf(await cluster.client.get<SecretOf>(secrets, 'latchkey-system', `latchkey-${name}`))
const has = (bundle: string | undefined, certificate: string | undefined) =>
  certificate !== undefined && bundle?.includes(certificate)

test('the next authority signs only when every copy of the bundle has it: Secrets, ConfigMaps, webhooks (F19)', async () => {
  const { client } = cluster
  const namespace = await cluster.namespace()
  await leadAt(0)
  await client.create(services, { metadata: { name: 'api', namespace }, spec: { ports: [{ port: 80 }] } } as KubeObject)
  const spec = { targetRef: { name: 'api', port: 80 } }
  await client.create(guardedServices, { metadata: { name: 'api', namespace }, spec } as KubeObject)
  await client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const key = { metadata: { name: 'web', namespace }, spec: { clientRef: { name: 'web' } } }
  await client.create(accessKeys, key as KubeObject)
  await condition(client, accessKeys, key, { type: 'Ready', reason: 'Ready' })
  const webhook = {
    ...{ name: 'a.latchkey.dev', admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Ignore' },
    clientConfig: { service: { name: 'latchkey-webhook', namespace: 'latchkey-system', path: '/' } },
    rules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
  }
  await client.create(validatingWebhooks, { metadata: { name: 'latchkey' }, webhooks: [webhook] } as KubeObject)
  const old = (await ours('ca'))['tls.crt']
  // One copy that cannot be changed.
  await until(() => client.get(configMaps, namespace, 'latchkey-ca'), 'the ConfigMap')
  await client.patch(configMaps, namespace, 'latchkey-ca', { immutable: true })

  const annotations = { [rotationRequestedAt]: new Date(Date.now() + 60_000).toISOString() }
  await client.patch(secrets, 'latchkey-system', 'latchkey-ca', { metadata: { annotations } })
  await leadAt(0.1)
  const next = await until(async () => (await ours('ca'))['next.crt'], 'the next authority')
  const copies: [string, () => Promise<string | undefined>][] = [
    ['the serving certificate', async () => (await ours('issuer-tls'))['ca.crt']],
    ["the client's Secret", async () => textsOf(await client.get<SecretOf>(secrets, namespace, 'web'))['ca.crt']],
    [
      'the webhook',
      async () => {
        const found = await client.get<WebhookConfiguration>(validatingWebhooks, undefined, 'latchkey')
        return Buffer.from(found?.webhooks?.[0]?.clientConfig.caBundle ?? '', 'base64').toString()
      },
    ],
  ]
  for (const [what, copy] of copies) await until(async () => has(await copy(), next), what)

  await leadAt(1.2)
  const warned = () => JSON.stringify(quiet.lines).includes(`ConfigMap ${namespace}/latchkey-ca`)
  await until(async () => warned(), 'a warning that names what lacks it')
  expect((await ours('ca'))['tls.crt']).toBe(old)

  await client.delete(configMaps, namespace, 'latchkey-ca')
  await until(async () => {
    const found = await client.get<KubeObject & { data?: Record<string, string> }>(configMaps, namespace, 'latchkey-ca')
    return has(found?.data?.['ca.crt'], next)
  }, 'the ConfigMap made anew')
  await leadAt(1.3)
  await until(async () => (await ours('ca'))['tls.crt'] === next, 'the next authority signs', 30_000)
}, 120_000)
