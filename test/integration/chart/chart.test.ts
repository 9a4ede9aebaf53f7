import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type AuthorizerConfig, configTable as authorizerConfig } from '../../../authorizer/config.ts'
import { readIssuerConfig } from '../../../issuer/config.ts'
import { configTable as operatorConfig } from '../../../operator/config.ts'
import { readConfig } from '../../../platform/config.ts'
import { configTable as webhookConfig } from '../../../webhook/config.ts'
import type { Container } from '../../../webhook/injection/pod.ts'
import { helmPath } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { chart, type Manifest, type Rendering, renderChart, renderNotes } from './render-chart.ts'
import { of, sets } from './value-sets.ts'

const names = (manifests: Manifest[]) => manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`)

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
    ['a guard variable that is no text', { guard: { env: { LATCHKEY_DEBUG: true } } }],
    ['a peer that cannot prove itself', { authorizer: { peers: [{ name: 'a', proxy: 'Envoy', services: ['a/b'] }] } }],
    [
      'a peer for all services',
      { authorizer: { peers: [{ name: 'a', proxy: 'Envoy', services: ['*'], secretName: 's' }] } },
    ],
    [
      'a proxy nobody knows',
      { authorizer: { peers: [{ name: 'a', proxy: 'Apache', services: ['a/b'], secretName: 's' }] } },
    ],
    ['an algorithm of issuers that ours has not', { issuer: { signingKeys: { algorithms: ['PS256'] } } }],
    ['an issuer without keys', { issuer: { signingKeys: { algorithms: [] } } }],
    ['an algorithm twice', { issuer: { signingKeys: { algorithms: ['ES256', 'ES256'] } } }],
    ['a name that EdDSA has not', { issuer: { signingKeys: { ed25519Alg: 'Ed448' } } }],
    ['text where a switch is', { crds: { enabled: 'yes' } }],
    ['an installation that is no label value', { installation: 'Über' }],
  ])('is refused with %s', async (_, values) => {
    await expect(renderChart({ values })).rejects.toThrow(/values don't meet the specifications of the schema/)
  })

  it('has every value in its README', async () => {
    const values = parse(await readFile(join(chart, 'values.yaml'), 'utf8')) as Record<string, Record<string, unknown>>
    const readme = await readFile(join(chart, 'README.md'), 'utf8')
    const processes = ['operator', 'issuer', 'webhook', 'authorizer']
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

  it('lets implementations of Service Binding read AccessKeys, and nothing else', async () => {
    const bound = ({ metadata }: Manifest) => metadata.labels?.['servicebinding.io/controller'] === 'true'
    const [role, ...more] = of(await renderChart(), 'ClusterRole').filter(bound)
    expect(more).toEqual([])
    expect(role?.rules).toEqual([
      { apiGroups: ['latchkey.dev'], resources: ['accesskeys'], verbs: ['get', 'list', 'watch'] },
    ])
    expect((await renderChart({ values: { rbac: { aggregate: false } } })).filter(bound)).toEqual([])
  })

  it('has disruption budgets from two replicas on, since at one they would block every drain', async () => {
    expect(of(await renderChart(), 'PodDisruptionBudget')).toHaveLength(3)
    expect(of(await renderChart(sets['one replica, least of all']), 'PodDisruptionBudget')).toEqual([])
  })

  it('counts a pod as available only when its Service leads to it, so that helm install --wait means usable', async () => {
    const seconds = of(await renderChart(), 'Deployment').map(
      ({ spec }) => (spec as never as { minReadySeconds: number }).minReadySeconds,
    )
    expect(seconds.length).toBe(3)
    for (const each of seconds) expect(each).toBeGreaterThanOrEqual(5)
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

  it('has the operator keep the keys that are chosen, and the issuer sign with the first of them', async () => {
    const told = async (rendering: Rendering | undefined) => {
      const text = JSON.stringify(of(await renderChart(rendering), 'Deployment'))
      return ['ISSUER_ALGORITHMS', 'TOKEN_ALGORITHM', 'ED25519_ALG'].map(
        name => new RegExp(`"LATCHKEY_${name}","value":"([^"]*)"`).exec(text)?.[1],
      )
    }
    expect(await told({})).toEqual(['Ed25519,ES256', 'Ed25519', 'EdDSA'])
    expect(await told(sets['everything on'])).toEqual(['RS256,ES256', 'RS256', 'Ed25519'])
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
      authorizer: env => readConfig(authorizerConfig, env),
    }
    expect(deployments).toHaveLength(set.startsWith('external authorizer') ? 4 : 3)
    for (const { spec } of deployments) {
      const { template } = spec as never as { template: { spec: { containers: [Container] } } }
      const [{ name, args, env = [] }] = template.spec.containers
      expect(args).toEqual([name])
      const variables = Object.fromEntries(env.map(({ name, value = 'from-a-field' }) => [name, value]))
      const named = name === 'operator' ? { podName: 'from-a-field' } : {}
      expect(read[name]?.(variables)).toMatchObject({ ...named, logLevel: 'info' })
    }
  })

  describe('with the external authorizer', () => {
    it('gives it the verb enforce on the services of its peers, by name, and no other right', async () => {
      const manifests = await renderChart(sets['external authorizer'])
      const bindings = of(manifests, 'RoleBinding').concat(of(manifests, 'ClusterRoleBinding'))
      const bound = bindings.filter(binding =>
        JSON.stringify(binding).includes('"name":"latchkey-authorizer","namespace"'),
      )
      expect(bound.map(({ kind, metadata }) => `${kind} ${metadata.namespace}`)).toEqual([
        'RoleBinding other',
        'RoleBinding shop',
      ])
      const roles = of(manifests, 'Role').filter(({ metadata }) => metadata.name === 'latchkey-authorizer')
      expect(roles.map(({ rules }) => rules)).toEqual(
        [['api'], ['basket', 'orders']].map(resourceNames => [
          { apiGroups: ['latchkey.dev'], resources: ['guardedservices'], resourceNames, verbs: ['enforce'] },
        ]),
      )
      const [pod] = of(manifests, 'Deployment').filter(({ metadata }) => metadata.name === 'latchkey-authorizer')
      expect(JSON.stringify(pod)).toContain('"automountServiceAccountToken":false')
      expect(JSON.stringify(pod)).toContain('"latchkey.dev/enforces":"other/api,shop/basket,shop/orders"')
    })
    it('tells it the peers of the values, each with its proof', async () => {
      const [deployment] = of(await renderChart(sets['external authorizer']), 'Deployment')
      const text = JSON.stringify(deployment)
      const peers = JSON.parse(JSON.parse(`"${/"LATCHKEY_PEERS","value":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1]}"`))
      const expected: AuthorizerConfig['peers'] = [
        {
          ...{ name: 'edge', proxy: 'Nginx', services: ['shop/orders', 'shop/basket'] },
          ...{ certificateNames: [], keyHeaders: ['X-Api-Key'], secretFile: '/var/run/latchkey/peers/edge' },
        },
        { name: 'mesh', proxy: 'Envoy', services: ['shop/orders', 'other/api'], certificateNames: ['envoy.edge.svc'] },
      ]
      expect(peers).toEqual(expected)
      expect(text).toContain('"optional":true,"items":[{"key":"secret","path":"edge"}]')
    })
    it('tells it what the values say of audit lines that cannot be written and of links of problems', async () => {
      const { values } = sets['external authorizer'] ?? {}
      const guard = { audit: { onBlock: 'Deny' }, problemBase: 'https://docs.example.com/problems#' }
      const [deployment] = of(await renderChart({ values: { ...values, guard } }), 'Deployment')
      const text = JSON.stringify(deployment)
      expect(text).toContain('{"name":"LATCHKEY_AUDIT_ON_BLOCK","value":"Deny"}')
      expect(text).toContain('{"name":"LATCHKEY_PROBLEM_BASE","value":"https://docs.example.com/problems#"}')
    })
    it('lets it reach the issuer and nobody else, and lets in who the values say', async () => {
      const manifests = await renderChart(sets['external authorizer'])
      const [policy] = of(manifests, 'NetworkPolicy').filter(({ metadata }) => metadata.name === 'latchkey-authorizer')
      const { ingress, egress } = (policy?.spec ?? {}) as never as {
        ingress: unknown[]
        egress: { ports: { port: number }[] }[]
      }
      expect(egress.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([53, 53, 8444])
      expect(JSON.stringify(ingress[0])).toContain('"edge":"yes"')
      expect(of(manifests, 'PodDisruptionBudget')).toHaveLength(4)
    })
    it('asks the operator for its certificate, with the names of the values', async () => {
      const [operator] = of(await renderChart(sets['external authorizer']), 'Deployment').filter(
        ({ metadata }) => metadata.name === 'latchkey-operator',
      )
      expect(JSON.stringify(operator)).toContain('{"name":"LATCHKEY_AUTHORIZER_TLS_HOSTS","value":"authz.example.com"}')
    })
    it('does not exist by default', async () => {
      expect(JSON.stringify(await renderChart())).not.toContain('authorizer')
    })
  })

  it('tells a named installation to label a namespace before anything is created in it', async () => {
    const notes = await renderNotes({ installation: 'second' })
    const label = notes.indexOf('kubectl label namespace shop latchkey.dev/installation=second')
    expect(label).toBeGreaterThan(notes.indexOf('kubectl create namespace shop'))
    expect(notes.indexOf('kubectl apply -n shop')).toBeGreaterThan(label)
    expect(await renderNotes({})).not.toContain('kubectl label')
  })

  it('shares no name with a second installation', async () => {
    const [first, second] = [await renderChart(), await renderChart(sets['second installation'])].map(
      manifests => new Set(names(manifests)),
    )
    expect([...(second ?? [])].filter(name => first?.has(name))).toEqual([])
  })
})
