import { expect, it } from 'vitest'
import { type Manifest, renderChart } from './render-chart.ts'
import { of, sets } from './value-sets.ts'

const redis = { url: 'redis://redis.cache.svc' }
type Rule = { apiGroups?: string[]; resources?: string[]; verbs: string[] }

const rulesOf = (manifests: Manifest[]) =>
  ['Role', 'ClusterRole']
    .flatMap(kind => of(manifests, kind))
    .flatMap(({ kind, metadata, rules }) =>
      (rules as never as Rule[]).map(rule => ({ ...rule, role: `${kind} ${metadata.namespace}/${metadata.name}` })),
    )

const issuerOf = (manifests: Manifest[]) =>
  JSON.stringify(of(manifests, 'Deployment').find(({ metadata }) => metadata.name === 'latchkey-issuer'))

const egressOf = (manifests: Manifest[]) => {
  const policy = of(manifests, 'NetworkPolicy').find(({ metadata }) => metadata.name === 'latchkey-issuer')
  const { egress } = (policy?.spec ?? { egress: [] }) as never as { egress: { ports: { port: number }[] }[] }
  return egress.flatMap(({ ports }) => ports.map(({ port }) => port))
}

it('gives what tokens need to the issuer alone, in the namespace of the release, and to no built-in role', async () => {
  const rules = rulesOf(await renderChart()).filter(({ resources = [] }) => resources.includes('tokenrecords'))
  expect(rules).toEqual([
    {
      role: 'Role latchkey-system/latchkey-issuer',
      apiGroups: ['latchkey.dev'],
      resources: ['tokenrecords'],
      verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
    },
  ])
  expect(egressOf(await renderChart())).toEqual([53, 53, 443, 6443])
})

it('gives no right to objects that Redis has in their place, opens the way to it, and keeps its password in a file', async () => {
  const manifests = await renderChart(sets['tokens kept in Redis'])
  expect(rulesOf(manifests).filter(({ resources = [] }) => resources.includes('tokenrecords'))).toEqual([])
  expect(egressOf(manifests)).toEqual([53, 53, 443, 6443, 6380])
  const issuer = issuerOf(manifests)
  for (const part of [
    '{"name":"LATCHKEY_REDIS_URL","value":"rediss://redis.cache.svc:6380/1"}',
    '{"name":"LATCHKEY_REDIS_CREDENTIALS","value":"/var/run/latchkey/redis"}',
    '{"name":"LATCHKEY_REDIS_CA_FILE","value":"/var/run/latchkey/redis-ca/ca.crt"}',
    '"secret":{"secretName":"token-store",',
    '"items":[{"key":"password","path":"password"},{"key":"user","path":"username"}]',
    '"configMap":{"name":"redis-ca","items":[{"key":"ca.crt","path":"ca.crt"}]}',
  ])
    expect(issuer).toContain(part)
})

it('names no file of a Redis that has neither password nor authorities of its own', async () => {
  const manifests = await renderChart({ values: { tokenStore: { kind: 'Redis', redis } } })
  expect(issuerOf(manifests)).not.toMatch(/CREDENTIALS|CA_FILE|redis-ca/)
  expect(egressOf(manifests)).toContain(6379)
})

it('asks for the URL where Redis is chosen', async () => {
  const rendering = renderChart({ values: { tokenStore: { kind: 'Redis' } } })
  await expect(rendering).rejects.toThrow(/tokenStore.redis.url: needed with tokenStore.kind=Redis/)
})

it.each([
  ['a store that nobody knows', { kind: 'Memcached' }],
  ['a URL with credentials', { kind: 'Redis', redis: { url: 'redis://user:password@redis' } }],
  ['a URL of something else', { kind: 'Redis', redis: { url: 'https://redis' } }],
  ['a password in the values', { kind: 'Redis', redis: { ...redis, password: 'x' } }],
])('is refused with %s', async (_, tokenStore) => {
  const rendering = renderChart({ values: { tokenStore } })
  await expect(rendering).rejects.toThrow(/values don't meet the specifications of the schema/)
})
