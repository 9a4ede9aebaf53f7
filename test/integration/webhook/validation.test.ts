import { describe, expect, it } from 'vitest'
import { guardedServices } from '../../../platform/kube/resources.ts'
import { kubectl } from '../chart/render-chart.ts'
import { apiVersion } from '../policies/setup.ts'
import { askedWebhook, path, role } from './asked-webhook.ts'

const webhook = askedWebhook()

describe('validation at the API server', () => {
  const dryRun = (plural: string, object: object) => webhook.cluster.send('POST', `${path(plural)}?dryRun=All`, object)

  it('refuses what cannot work, with field and remedy', async () => {
    const { status, body } = await dryRun('roles', role('a', ['/a/%41']))
    expect(status).toBe(422)
    expect(body.message).toContain('denied the request: spec.rules[0].paths[0]: ')
    expect((body as { details?: object }).details).toMatchObject({ causes: [{ field: 'spec.rules[0].paths[0]' }] })
  })

  it('J15 refuses a key anybody can sign with', async () => {
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x: 'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }
    const key = {
      apiVersion,
      kind: 'AccessKey',
      metadata: { name: 'k' },
      spec: { clientRef: { name: 'a' }, publicKey },
    }
    const { status, body } = await dryRun('accesskeys', key)
    expect(status).toBe(422)
    expect(body.message).toContain('spec.publicKey: The key is a point of small order')
  })

  it('warns of :id, which is {id} here', async () => {
    const warned = (plural: string, spec: object) =>
      kubectl(
        webhook.cluster.plane.kubeconfig,
        ['create', '--dry-run=server', '--namespace=shop', '--warnings-as-errors', '--filename=-'],
        [{ apiVersion, kind: plural, metadata: { name: 'x' }, spec }],
      )
    await expect(warned('Role', role('a', ['/notes/:id']).spec)).rejects.toThrow(
      'spec.rules[0].paths[0]: /notes/:id is taken letter by letter; write /notes/{id}',
    )
    const routes = [{ name: 'one', path: '/notes/:note-id/x', methods: ['GET'] }]
    await expect(warned('GuardedService', { targetRef: { name: 'a', port: 80 }, routes })).rejects.toThrow(
      'spec.routes[0].path: /notes/:note-id/x is taken letter by letter; write /notes/{note_id}/x',
    )
  })

  describe('of an audience', () => {
    const audience = 'https://api.example.org/v1'
    const at = (namespace: string, name = '') =>
      `/apis/latchkey.dev/v1alpha1/namespaces/${namespace}/guardedservices${name && `/${name}`}`
    const guarded = (name: string, spec: object = { audience }) => ({
      apiVersion,
      kind: 'GuardedService',
      metadata: { name },
      spec: { targetRef: { name: 'orders', port: 80 }, ...spec },
    })
    const post = (namespace: string, name: string, spec?: object) =>
      webhook.cluster.send('POST', at(namespace), guarded(name, spec))
    const status = (namespace: string, name: string, content: object) =>
      webhook.cluster.client.patch(guardedServices, namespace, name, { status: content }, { subresource: 'status' })
    const update = async (namespace: string, name: string, change: object) => {
      const { body } = await webhook.cluster.send('GET', at(namespace, name))
      const stored = body as { spec: object }
      return webhook.cluster.send('PUT', at(namespace, name), { ...stored, spec: { ...stored.spec, ...change } })
    }

    it('S11 refuses one that another namespace has, and does not say which (K27)', async () => {
      expect((await post('shop', 'holder')).status).toBe(201)
      const { status, body } = await post('ours', 'newcomer')
      expect(status).toBe(422)
      expect(body.message).toContain('denied the request: spec.audience: is taken; choose another one')
      expect(JSON.stringify(body)).not.toMatch(/shop|holder/)
      expect((await post('ours', 'newcomer', { audience: `${audience}/other` })).status).toBe(201)
      expect((await update('ours', 'newcomer', { audience })).status).toBe(422)
      expect((await update('ours', 'newcomer', { maxStaleness: '2h' })).status).toBe(200)
    })

    it('lets one namespace ask twice, where the next follows the oldest', async () => {
      expect((await post('shop', 'next')).status).toBe(201)
      expect((await webhook.cluster.send('DELETE', at('shop', 'next'))).status).toBe(200)
    })

    it('lets a namespace ask for what another installation has', async () => {
      const elsewhere = 'https://elsewhere.example.org'
      expect((await post('theirs', 'holder', { audience: elsewhere })).status).toBe(201)
      expect((await post('shop', 'same', { audience: elsewhere })).status).toBe(201)
    })

    it('S11 lets the holder come back past whoever lay in wait, and what changes nothing of it pass', async () => {
      // As after two creations at one moment: the operator refused the younger.
      expect((await webhook.cluster.send('DELETE', at('shop', 'holder'))).status).toBe(200)
      expect((await post('ours', 'waiting')).status).toBe(201)
      const refused = await post('shop', 'holder')
      expect(refused.status).toBe(422)
      await status('ours', 'waiting', { refusedAudience: audience, observedGeneration: 1 })
      expect((await post('shop', 'holder')).status).toBe(201)
      expect((await update('ours', 'waiting', { maxStaleness: '2h' })).status).toBe(200)
    })
  })

  it('examines a Role of 1 MB as it does a short one', async () => {
    const rules = (last: string) =>
      Array.from({ length: 64 }, (_, rule) => ({
        services: ['orders'],
        methods: ['GET'],
        paths: Array.from({ length: 32 }, (_, at) => (rule + at === 94 ? last : `/${rule}/${at}/${'a'.repeat(500)}`)),
      }))
    const longRole = (last: string) => ({ ...role('long', []), spec: { rules: rules(last) } })
    expect((await dryRun('roles', longRole('/a'))).status).toBe(201)
    const { status, body } = await dryRun('roles', longRole('/a/%41'))
    expect(status).toBe(422)
    expect(body.message).toContain('spec.rules[63].paths[31]: ')
  })

  it('warns of names that are not there yet, and lets them pass', async () => {
    const warned = kubectl(
      webhook.cluster.plane.kubeconfig,
      ['create', '--dry-run=server', '--namespace=shop', '--warnings-as-errors', '--filename=-'],
      [role('a', ['/a'])],
    )
    await expect(warned).rejects.toThrow(
      'Warning: spec.rules[0].services[0]: there is no GuardedService shop/orders yet that you may get; it counts from when it exists',
    )
    expect((await dryRun('roles', role('a', ['/a']))).status).toBe(201)
  })

  it('K15 tells nobody what exists in a namespace that he may not read', async () => {
    const grant = {
      apiVersion,
      kind: 'AccessGrant',
      metadata: { name: 'g', namespace: 'shop' },
      spec: { roleRef: { name: 'r' }, clients: [{ namespace: 'theirs', name: 'there' }] },
    }
    const client = { apiVersion, kind: 'ApiClient', metadata: { name: 'there', namespace: 'theirs' }, spec: {} }
    const writes = { apiGroups: ['latchkey.dev'], resources: ['accessgrants'], verbs: ['create'] }
    const subjects = [{ kind: 'User', name: 'tenant', apiGroup: 'rbac.authorization.k8s.io' }]
    const roleRef = { kind: 'Role', name: 'tenant', apiGroup: 'rbac.authorization.k8s.io' }
    const rbac = 'rbac.authorization.k8s.io/v1'
    const metadata = { name: 'tenant', namespace: 'shop' }
    await kubectl(
      webhook.cluster.plane.kubeconfig,
      ['apply', '--filename=-'],
      [
        { apiVersion: rbac, kind: 'Role', metadata, rules: [writes] },
        { apiVersion: rbac, kind: 'RoleBinding', metadata, roleRef, subjects },
      ],
    )
    const kubeconfig = await webhook.cluster.plane.kubeconfigFor('tenant', ['system:authenticated'])
    const warnings = async (as: string) => {
      const asked = ['create', '--dry-run=server', '--warnings-as-errors', '--validate=false', '--filename=-']
      const refused = await kubectl(as, asked, [grant]).then(() => '', String)
      return refused.match(/Warning: .*/g)
    }
    const missing = await warnings(kubeconfig)
    expect(missing).toContain(
      'Warning: spec.clients[0]: there is no ApiClient theirs/there yet that you may get; it counts from when it exists',
    )
    await kubectl(webhook.cluster.plane.kubeconfig, ['apply', '--filename=-'], [client])
    expect(await warnings(kubeconfig)).toEqual(missing)
    // Who may read it is told the truth.
    expect((await warnings(webhook.cluster.plane.kubeconfig))?.join()).not.toContain('theirs/there')
  })
})
