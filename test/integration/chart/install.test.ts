import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { helmPath } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { type Cluster, eventually, startCluster } from '../policies/setup.ts'
import { chart, kubectl, renderChart } from './render-chart.ts'
import { of, sets } from './value-sets.ts'

const namespacesOf = { shop: {}, other: {}, 'latchkey-system': {}, 'second-system': {} }

describe('at a real API server', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster('chart', namespacesOf)
  })
  afterAll(() => cluster?.stop())
  const helm = async (...args: string[]) =>
    await run(await helmPath(), ['--kubeconfig', cluster.plane.kubeconfig, ...args])

  it.each(Object.keys(sets))('every object is taken: %s', async set => {
    // The one group the API server does not have.
    const manifests = (await renderChart(sets[set])).filter(
      ({ apiVersion }) => apiVersion !== 'monitoring.coreos.com/v1',
    )
    const arguments_ = [
      'apply',
      '--server-side',
      '--force-conflicts',
      '--dry-run=server',
      '--validate=strict',
      '--output=name',
      '--filename=-',
    ]
    const taken = await kubectl(cluster.plane.kubeconfig, arguments_, manifests)
    expect(taken.trim().split('\n')).toHaveLength(manifests.length)
  })

  it('every pod passes Pod Security restricted', async () => {
    const enforce = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'strict', labels: enforce } }
    const manifests = await renderChart({ namespace: 'strict' })
    const accounts = ['default', ...of(manifests, 'ServiceAccount').map(({ metadata }) => metadata.name)].map(name => ({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name, namespace: 'strict' },
    }))
    await kubectl(cluster.plane.kubeconfig, ['apply', '--filename=-'], [namespace, ...accounts])
    const templates = of(manifests, 'Deployment').map(({ metadata, spec }) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: metadata.name, namespace: 'strict' },
      spec: (spec as never as { template: { spec: object } }).template.spec,
    }))
    const pods = [...templates, ...of(manifests, 'Pod')]
    expect(pods).toHaveLength(4)
    const taken = await kubectl(
      cluster.plane.kubeconfig,
      ['create', '--dry-run=server', '--output=name', '--filename=-'],
      pods,
    )
    expect(taken.trim().split('\n')).toHaveLength(4)
  })

  it('two installations install side by side, and uninstalling leaves the CRDs only', async () => {
    const remaining = async () => {
      const kinds =
        'clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,validatingwebhookconfigurations,mutatingwebhookconfigurations,deployments,services,serviceaccounts,roles.rbac.authorization.k8s.io,rolebindings,networkpolicies,poddisruptionbudgets,configmaps'
      const found = await kubectl(cluster.plane.kubeconfig, [
        'get',
        kinds,
        '--all-namespaces',
        '--selector=app.kubernetes.io/part-of=latchkey',
        '--output=name',
      ])
      return found.trim()
    }
    await kubectl(cluster.plane.kubeconfig, ['delete', 'crds', '--all'])
    await helm('install', 'latchkey', chart, '--namespace', 'latchkey-system')
    const second = ['--set', 'installation=second', '--set', 'crds.enabled=false']
    await helm('install', 'second', chart, '--namespace', 'second-system', ...second)
    await helm('upgrade', 'latchkey', chart, '--namespace', 'latchkey-system', '--set', 'image.tag=next')
    const path = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/latchkey-guarded-pods'
    const { body } = await cluster.send('GET', path)
    expect(JSON.stringify(body)).toContain("c.image in ['latchkey:next', 'latchkey:0.1.0']")
    expect(await remaining()).toContain('clusterrole.rbac.authorization.k8s.io/second-latchkey-operator')

    await helm('uninstall', 'second', '--namespace', 'second-system')
    await helm('uninstall', 'latchkey', '--namespace', 'latchkey-system')
    await eventually(async () => (await remaining()) === '', 'everything is gone')
    const crds = await kubectl(cluster.plane.kubeconfig, ['get', 'crds', '--output=name'])
    expect(crds.trim().split('\n')).toHaveLength(6)
  })
})
