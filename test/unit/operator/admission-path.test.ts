import { describe, expect, it } from 'vitest'
import { createAdmissionPath, makeRandomPart } from '../../../operator/certificates/admission-path.ts'
import { leavesPath, planPath, planRelease } from '../../../operator/certificates/plan-admission-path.ts'
import type { Replica } from '../../../operator/replicas/ask-replica.ts'
import { servingReplicas } from '../../../operator/replicas/webhook-replicas.ts'
import { KubeError, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { secrets, validatingWebhooks } from '../../../platform/kube/resources.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const part = 'a'.repeat(32)
const service = (path?: string) => ({ name: 'latchkey-webhook', ...(path !== undefined && { path }) })
const configuration = (path?: string, more: object = {}) => ({
  metadata: {
    name: 'latchkey',
    resourceVersion: '7',
    annotations: { 'latchkey.dev/admission-path': 'Random' },
    managedFields: [{ manager: 'helm' }],
    ...more,
  },
  webhooks: [
    { name: 'a', clientConfig: { service: service(path) } },
    { name: 'b', clientConfig: { service: service(path) } },
  ],
})

describe('planning the path of admission', () => {
  it('changes every webhook that names another path or none, bound to the version that was read', () => {
    const value = `/mutate/${part}`
    for (const path of [undefined, '/', '/mutate', `/validate/${part}`])
      expect(planPath(configuration(path), 'mutate', part)).toEqual([
        { op: 'replace', path: '/metadata/resourceVersion', value: '7' },
        { op: 'add', path: '/webhooks/0/clientConfig/service/path', value },
        { op: 'add', path: '/webhooks/1/clientConfig/service/path', value },
      ])
    expect(planPath(configuration(value), 'mutate', part)).toEqual([])
  })

  it('leaves a configuration alone whose maker does not leave the path to it', () => {
    expect(leavesPath(configuration())).toBe(true)
    expect(leavesPath(configuration('/validate', { annotations: {} }))).toBe(false)
    expect(leavesPath(configuration('/validate', { annotations: { 'latchkey.dev/admission-path': 'Fixed' } }))).toBe(
      false,
    )
  })

  it('gives the field up once it is written, so that a chart of before may name it again', () => {
    const ours = { manager: 'latchkey-admission-path' }
    const others = [{ manager: 'helm' }, { manager: 'latchkey-operator' }]
    expect(planRelease(configuration('/x', { managedFields: [...others, ours] }))).toEqual([
      { op: 'replace', path: '/metadata/resourceVersion', value: '7' },
      { op: 'replace', path: '/metadata/managedFields', value: others },
    ])
    expect(planRelease(configuration('/x', { managedFields: others }))).toEqual([])
    expect(planRelease(configuration('/x', { managedFields: [ours] }))).toEqual([])
  })

  it('makes parts that cannot be guessed, of what the API server takes in a path', () => {
    const parts = new Set(Array.from({ length: 100 }, makeRandomPart))
    expect(parts.size).toBe(100)
    for (const one of parts) expect(one).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('the replicas that are asked', () => {
  it('are those that the API server may reach, also on their way out', () => {
    const endpoint = (address: string, conditions: object) => ({ addresses: [address], conditions })
    const endpoints = [
      endpoint('10.0.0.1', { ready: true, serving: true }),
      endpoint('10.0.0.2', { ready: false, serving: true, terminating: true }),
      endpoint('10.0.0.3', { ready: false, serving: false }),
      endpoint('10.0.0.4', { ready: false }),
    ]
    const slice = { metadata: { name: 's' }, ports: [{ name: 'webhook', port: 9443 }], endpoints }
    expect(servingReplicas([slice, slice]).map(({ host }) => host)).toEqual(['10.0.0.1', '10.0.0.2'])
  })
})

/** One pass against configurations and replicas as given; what was written. */
async function pass(given: {
  path?: string
  replicas?: Record<string, boolean | 'away'>
  entry?: string
  refuse?: number
}) {
  const { path, replicas = {}, entry = part, refuse } = given
  const written: { resource: Resource; body: { path: string; value: unknown }[] }[] = []
  const asked: string[] = []
  const { log, lines } = createQuietLog()
  const admission = createAdmissionPath({
    namespace: 'latchkey-system',
    fullname: 'latchkey',
    log,
    client: {
      get: async <T extends KubeObject>(resource: Resource) => {
        const data = { path: Buffer.from(entry).toString('base64') }
        return (resource === secrets ? { metadata: { name: 's' }, data } : configuration(path)) as unknown as T
      },
      patch: async <T extends KubeObject>(resource: Resource, _: unknown, __: unknown, body: unknown) => {
        if (refuse) throw new KubeError('refused', refuse)
        written.push({ resource, body: body as never })
        return configuration('/', {
          managedFields: [{ manager: 'helm' }, { manager: 'latchkey-admission-path' }],
        }) as unknown as T
      },
    },
    replicas: () => Object.keys(replicas).map(host => ({ host, port: 9443 })),
    async takes({ host }: Replica, wanted) {
      asked.push(wanted)
      if (replicas[host] === 'away') throw new Error('refused')
      return replicas[host] === true
    },
  })
  const requeue = await admission.reconcile()
  return { written, asked, requeue, logged: JSON.stringify(lines) }
}

describe('handing the path over', () => {
  it('waits until every replica takes the next path, and looks again soon', async () => {
    for (const other of [false, 'away'] as const) {
      const { written, requeue } = await pass({ path: '/validate', replicas: { one: true, other } })
      expect(written).toEqual([])
      expect(requeue).toEqual({ requeueAfterMs: 5_000 })
    }
  })

  it('then tells both configurations, gives the field up, and does not log the path', async () => {
    const { written, requeue, logged } = await pass({ path: '/validate', replicas: { one: true, other: true } })
    expect(written.map(({ resource, body }) => [resource.kind, body.at(-1)?.path])).toEqual([
      ['ValidatingWebhookConfiguration', '/webhooks/1/clientConfig/service/path'],
      ['ValidatingWebhookConfiguration', '/metadata/managedFields'],
      ['MutatingWebhookConfiguration', '/webhooks/1/clientConfig/service/path'],
      ['MutatingWebhookConfiguration', '/metadata/managedFields'],
    ])
    expect(written[0]?.resource).toBe(validatingWebhooks)
    expect(requeue).toEqual({ requeueAfterMs: 600_000 })
    expect(logged).not.toContain(part)
  })

  it('does not wait where nobody serves: a replica reads its Secret before it does', async () => {
    expect((await pass({})).written).toHaveLength(4)
  })

  it('asks nobody where the configurations have it already', async () => {
    const { written, asked } = await pass({ path: `/validate/${part}`, replicas: { one: false } })
    // The other one has not.
    expect(asked).toHaveLength(1)
    expect(written).toEqual([])
  })

  it('waits for the Secret to have a path, and writes none that the Secret does not have', async () => {
    for (const entry of ['', '/validate', 'A'.repeat(32)]) {
      const { written, requeue } = await pass({ entry })
      expect([written, requeue]).toEqual([[], { requeueAfterMs: 5_000 }])
    }
  })

  it('starts over when somebody wrote the configuration meanwhile, and tells of everything else', async () => {
    expect((await pass({ refuse: 409 })).written).toEqual([])
    await expect(pass({ refuse: 500 })).rejects.toThrow()
  })
})
