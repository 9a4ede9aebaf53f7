import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../cluster/binaries.ts'
import type { Image } from '../cluster/image.ts'
import { helm, installChart, kubectl } from '../demo/install.ts'
import { apply, read, waitFor } from './cluster.ts'

const release = 'second'
const namespace = 'latchkey-second'
const tenant = 'second-tenant'

/** Everything in the cluster that carries the release's name, but for what the namespace itself brings. */
async function belongings(): Promise<string[]> {
  const kinds = [
    ...['clusterroles', 'clusterrolebindings', 'validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
    ...['validatingadmissionpolicies', 'validatingadmissionpolicybindings'],
  ]
  const everywhere = (await kubectl(['get', kinds.join(','), '--output', 'name']))
    .split('\n')
    .filter(name => name.includes('/second'))
  const inside = [
    'secrets',
    'configmaps',
    'services',
    'serviceaccounts',
    'deployments',
    'leases',
    'roles',
    'rolebindings',
    'networkpolicies',
    'poddisruptionbudgets',
    'pods',
    'jobs',
  ]
  const local = (await kubectl(['get', inside.join(','), '--namespace', namespace, '--output', 'name']))
    .split('\n')
    .filter(name => /second/.test(name))
  const bundle = (await kubectl(['get', 'configmaps', '--namespace', tenant, '--output', 'name']))
    .split('\n')
    .filter(name => name.endsWith('/latchkey-ca'))
  return [...everywhere, ...local, ...bundle]
}

describe('a second installation in the same cluster', () => {
  beforeAll(async () => {
    const image = JSON.parse(readFileSync(join(repositoryRoot, 'build/image.json'), 'utf8')) as Image
    await installChart({
      release,
      namespace,
      image,
      values: [
        'installation=second',
        'crds.enabled=false',
        'operator.replicas=1',
        'issuer.replicas=1',
        'webhook.replicas=1',
        'rbac.aggregate=false',
      ],
    })
    await apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: tenant, labels: { 'latchkey.dev/installation': 'second' } },
    })
    await apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'api', namespace: tenant },
      spec: { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'guard' }] },
    })
    await apply({
      apiVersion: 'latchkey.dev/v1alpha1',
      kind: 'ApiClient',
      metadata: { name: 'one', namespace: tenant },
      spec: {},
    })
    await apply({
      apiVersion: 'latchkey.dev/v1alpha1',
      kind: 'AccessKey',
      metadata: { name: 'one', namespace: tenant },
      spec: { clientRef: { name: 'one' } },
    })
    await apply({
      apiVersion: 'latchkey.dev/v1alpha1',
      kind: 'GuardedService',
      metadata: { name: 'api', namespace: tenant },
      spec: { targetRef: { name: 'api', port: 80 } },
    })
  })
  afterAll(async () => {
    await helm(['uninstall', release, '--namespace', namespace, '--ignore-not-found', '--wait']).catch(() => undefined)
    await kubectl(['delete', 'namespace', namespace, tenant, '--ignore-not-found', '--wait=false'])
  })

  it('serves the namespaces that carry its label, and the first does not touch them', async () => {
    await waitFor('accesskeys.latchkey.dev/one', tenant, 'condition=Ready')
    const client = await read<{ status: { issuer: string } }>('apiclients.latchkey.dev', tenant, 'one')
    expect(client.status.issuer).toContain('second-latchkey-issuer.latchkey-second.svc')
  })

  it('passes its helm test', async () => {
    expect(await helm(['test', release, '--namespace', namespace, '--timeout', '2m'])).toContain('Succeeded')
  })

  it('leaves nothing behind when it is uninstalled but the CRDs and the objects of its users', async () => {
    expect((await belongings()).length).toBeGreaterThan(10)
    await helm(['uninstall', release, '--namespace', namespace, '--wait', '--timeout', '2m'])
    await expect.poll(belongings, { timeout: 90_000, interval: 2_000 }).toEqual([])
    expect(await kubectl(['get', 'apiclients', '--namespace', tenant, '--output', 'name'])).toContain(
      'apiclient.latchkey.dev/one',
    )
    expect(await kubectl(['get', 'secret', 'one', '--namespace', tenant, '--output', 'name'])).toBe('secret/one\n')
  })
})
