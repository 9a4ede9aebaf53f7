import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readIssuerConfig } from '../../../issuer/config.ts'
import { configTable as operatorConfig } from '../../../operator/config.ts'
import { readConfig } from '../../../platform/config.ts'
import { configTable as webhookConfig } from '../../../webhook/config.ts'
import type { Container } from '../../../webhook/injection/pod.ts'
import { helmPath } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { type Cluster, eventually, startCluster } from '../policies/setup.ts'
import { chart, kubectl, type Manifest, type Rendering, renderChart } from './render-chart.ts'

const everything = {
  installation: 'default',
  image: { registry: 'registry.example', digest: `sha256:${'a'.repeat(64)}` },
  imagePullSecrets: [{ name: 'pull' }],
  labels: { team: 'platform' },
  podLabels: { mesh: 'off' },
  podAnnotations: { note: 'yes' },
  priorityClassName: 'system-cluster-critical',
  crds: { keep: false },
  clientIds: { 'acme.orders': 'partners/acme' },
  issuer: {
    url: 'https://issuer.example.com/prod',
    tlsHosts: ['issuer.example.com', '10.0.0.1'],
    service: { type: 'LoadBalancer', clusterIP: '10.96.0.77', annotations: { a: 'b' } },
    replicas: 3,
    extraEnv: [{ name: 'EXTRA', value: '1' }],
    nodeSelector: { pool: 'system' },
    tolerations: [{ key: 'system', operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' }],
  },
  networkPolicy: { metricsFrom: [{ namespaceSelector: { matchLabels: { monitoring: 'yes' } } }] },
  monitoring: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true }, dashboard: { enabled: true } },
}
const one = { replicas: 1 }
const sets: Record<string, Rendering> = {
  default: {},
  'second installation': {
    release: 'second',
    namespace: 'second-system',
    values: { installation: 'second', crds: { enabled: false } },
  },
  'one replica, least of all': {
    values: {
      ...{ operator: one, issuer: one, webhook: one },
      ...{ networkPolicy: { enabled: false }, rbac: { aggregate: false }, policies: { enabled: false } },
    },
  },
  'Secrets in listed namespaces': { values: { secrets: { namespaces: 'Labelled', namespaceList: ['shop'] } } },
  'everything on': { values: everything },
}
const of = (manifests: Manifest[], kind: string) => manifests.filter(manifest => manifest.kind === kind)
const names = (manifests: Manifest[]) => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)
const namespacesOf = { shop: {}, 'latchkey-system': {}, 'second-system': {}, 'kube-node-lease': {} }

describe('the rendered chart', () => {
  it('passes helm lint --strict', async () => {
    expect(await run(await helmPath(), ['lint', '--strict', chart])).toContain('0 chart(s) failed')
  })

  it.each<[string, object]>([
    ['a misspelt value', { replicas: 3 }],
    ['a misspelt value further down', { issuer: { replica: 3 } }],
    ['a mode that does not exist', { secrets: { namespaces: 'Some' } }],
    ['an issuer without TLS', { issuer: { url: 'http://issuer.example.com' } }],
    ['a digest that is none', { image: { digest: 'latest' } }],
    ['a client id without a namespace/name', { clientIds: { 'acme.orders': 'acme' } }],
    ['text where a switch is', { crds: { enabled: 'yes' } }],
    ['an installation that is no label value', { installation: 'Über' }],
  ])('is refused with %s', async (_, values) => {
    await expect(renderChart({ values })).rejects.toThrow(/values don't meet the specifications of the schema/)
  })

  it('has every value in its README', async () => {
    const values = parse(await readFile(join(chart, 'values.yaml'), 'utf8')) as Record<string, Record<string, unknown>>
    const readme = await readFile(join(chart, 'README.md'), 'utf8')
    const processes = ['operator', 'issuer', 'webhook']
    const missing = Object.entries(values).flatMap(([name, value]) => {
      if (value === null || typeof value !== 'object' || Object.keys(value).length === 0)
        return readme.includes(`\`${name}\``) ? [] : [name]
      const forms = (key: string) => [
        `${name}.${key}`,
        ...(processes.includes(name) ? [`<process>.${key}`, `\`.${key}\``] : []),
      ]
      return Object.keys(value)
        .filter(key => !forms(key).some(form => readme.includes(form)))
        .map(key => `${name}.${key}`)
    })
    expect(missing.filter(name => !/^\w+\.\d+$/.test(name))).toEqual([])
  })

  it('K26 asks for no wildcard, no list of Secrets, and nothing that lends rights', async () => {
    const roles = (await renderChart()).filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role')
    const rules = roles.flatMap(({ rules }) => rules as never as { resources?: string[]; verbs: string[] }[])
    expect(rules.length).toBeGreaterThan(10)
    for (const { resources = [], verbs } of rules) {
      expect([...resources, ...verbs]).not.toContain('*')
      for (const verb of ['escalate', 'bind', 'impersonate']) expect(verbs).not.toContain(verb)
      if (resources.includes('secrets')) {
        for (const verb of ['list', 'watch', 'patch', 'deletecollection']) expect(verbs).not.toContain(verb)
      }
    }
  })

  it('lets administrators alone write AccessGrants', async () => {
    const roles = of(await renderChart(), 'ClusterRole')
    const aggregated = (to: string) =>
      roles
        .filter(({ metadata }) => metadata.labels?.[`rbac.authorization.k8s.io/aggregate-to-${to}`] === 'true')
        .flatMap(({ rules }) => rules as never as { resources: string[]; verbs: string[] }[])
        .filter(({ verbs }) => verbs.includes('create'))
        .flatMap(({ resources }) => resources)
    expect(aggregated('admin')).toContain('accessgrants')
    expect(aggregated('edit')).toEqual(['apiclients', 'accesskeys', 'roles', 'guardedservices'])
    expect(aggregated('view')).toEqual([])
  })

  it('has disruption budgets from two replicas on, since at one they would block every drain', async () => {
    expect(of(await renderChart(), 'PodDisruptionBudget')).toHaveLength(3)
    expect(of(await renderChart(sets['one replica, least of all']), 'PodDisruptionBudget')).toEqual([])
  })

  it('names the same issuer to every process, from the release or from the values', async () => {
    const urls = async (rendering: Rendering | undefined) =>
      of(await renderChart(rendering), 'Deployment').map(
        manifest => /"LATCHKEY_ISSUER_URL","value":"([^"]*)"/.exec(JSON.stringify(manifest))?.[1],
      )
    expect(new Set(await urls({}))).toEqual(new Set(['https://latchkey-issuer.latchkey-system.svc/default']))
    expect(new Set(await urls(sets['second installation']))).toEqual(
      new Set(['https://second-latchkey-issuer.second-system.svc/second']),
    )
    expect(new Set(await urls(sets['everything on']))).toEqual(new Set(['https://issuer.example.com/prod']))
  })

  it.each([
    [{}, 'latchkey:0.1.0'],
    [{ registry: 'r.example', tag: 'x' }, 'r.example/latchkey:x'],
    [{ tag: 'x', digest: `sha256:${'0'.repeat(64)}` }, `latchkey@sha256:${'0'.repeat(64)}`],
    [{ reference: 'r.example/own@sha256:1' }, 'r.example/own@sha256:1'],
  ])('takes the image %j as %s, for the processes, the guards and the policy', async (image, reference) => {
    const manifests = await renderChart({ values: { image } })
    const text = JSON.stringify(of(manifests, 'Deployment'))
    expect(text.split(`"image":"${reference}"`)).toHaveLength(4)
    expect(text).toContain(`"LATCHKEY_GUARD_IMAGE","value":"${reference}"`)
    expect(JSON.stringify(of(manifests, 'ValidatingAdmissionPolicy'))).toContain(`c.image in ['${reference}']`)
  })

  it.each(Object.keys(sets))('gives every process an environment it takes: %s', async set => {
    const deployments = of(await renderChart(sets[set]), 'Deployment')
    const read: Record<string, (env: Record<string, string>) => object> = {
      operator: env => readConfig(operatorConfig, env),
      issuer: env => readIssuerConfig(env),
      webhook: env => readConfig(webhookConfig, env),
    }
    expect(deployments).toHaveLength(3)
    for (const { spec } of deployments) {
      const { template } = spec as never as { template: { spec: { containers: [Container] } } }
      const [{ name, args, env = [] }] = template.spec.containers
      expect(args).toEqual([name])
      const variables = Object.fromEntries(env.map(({ name, value = 'from-a-field' }) => [name, value]))
      expect(read[name]?.(variables)).toMatchObject({ podName: 'from-a-field', logLevel: 'info' })
    }
  })

  it('shares no name with a second installation', async () => {
    const [first, second] = [await renderChart(), await renderChart(sets['second installation'])].map(
      manifests => new Set(names(manifests)),
    )
    expect([...(second ?? [])].filter(name => first?.has(name))).toEqual([])
  })
})

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
    expect(crds.trim().split('\n')).toHaveLength(5)
  })
})
