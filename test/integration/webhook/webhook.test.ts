import { request } from 'node:https'
import { beforeAll, describe, expect, it } from 'vitest'
import { guardedServices } from '../../../platform/kube/resources.ts'
import { injectGuard } from '../../../webhook/injection/inject-guard.ts'
import { jsonPatch } from '../../../webhook/injection/json-patch.ts'
import type { Pod } from '../../../webhook/injection/pod.ts'
import { isPolicy, kubectl, renderChart } from '../chart/render-chart.ts'
import { apiVersion, eventually, plainPod, settings } from '../policies/setup.ts'
import { askedWebhook, hasGuard, path, paths, pods, role } from './asked-webhook.ts'

const webhook = askedWebhook()

describe('injection at the API server', () => {
  it('gives a labelled pod its guard, and a second pass over what is stored changes nothing', async () => {
    const pod = plainPod('orders')
    const probed = {
      ...pod,
      spec: {
        ...pod.spec,
        containers: [
          {
            ...pod.spec.containers[0],
            ports: [{ name: 'web', containerPort: 8080 }],
            startupProbe: { tcpSocket: { port: 'web' } },
            readinessProbe: { httpGet: { path: '/ready', port: 'web' }, timeoutSeconds: 3 },
            livenessProbe: { grpc: { port: 8080 } },
          },
        ],
      },
    }
    const { status, body } = await webhook.cluster.send('POST', pods('shop', false), probed)
    expect([status, body.message]).toEqual([201, undefined])
    const stored = body as Pod
    expect(stored.spec.initContainers?.map(({ name }) => name)).toEqual(['latchkey-guard'])
    const again = injectGuard(stored, 'shop', settings, 'NoGuardedService')
    expect('pod' in again ? jsonPatch(stored, again.pod) : again).toEqual([])
  })

  it("shares the folder of the app's socket, in a pod whose containers declare no port, and does so once", async () => {
    const pod = plainPod('orders')
    const [container] = pod.spec.containers
    const socketed = {
      ...pod,
      metadata: { ...pod.metadata, annotations: { 'latchkey.dev/upstream-socket': '/run/app/app.sock' } },
      spec: {
        ...pod.spec,
        securityContext: { fsGroup: 2000 },
        containers: [
          {
            ...container,
            ports: [],
            startupProbe: { tcpSocket: { port: 80 } },
            readinessProbe: { httpGet: { path: '/ready', port: 'app' } },
            livenessProbe: { grpc: { port: 80 } },
          },
        ],
      },
    }
    const { status, body } = await webhook.cluster.send('POST', pods('shop', false), socketed)
    expect([status, body.message]).toEqual([201, undefined])
    const stored = body as Pod
    expect(stored.spec.volumes).toContainEqual({ name: 'latchkey-socket', emptyDir: {} })
    expect(stored.spec.containers[0]?.volumeMounts).toContainEqual({ name: 'latchkey-socket', mountPath: '/run/app' })
    const again = injectGuard(stored, 'shop', settings, 'NoGuardedService')
    expect('pod' in again ? jsonPatch(stored, again.pod) : again).toEqual([])
    const taken = { 'latchkey.dev/upstream-socket': '/var/run/secrets/kubernetes.io/serviceaccount/app.sock' }
    const refused = await webhook.create('shop', { ...socketed, metadata: { ...pod.metadata, annotations: taken } })
    expect([refused.status, refused.body.message]).toEqual([
      422,
      expect.stringContaining("the folder of the app's socket, which only an emptyDir mounted whole can be"),
    ])
  })

  it('sends an app to loopback once the Service is there and leads to the guard, and not before', async () => {
    const envOf = async () => ((await webhook.create('shop', plainPod('led'))).body as Pod).spec.containers[0]?.env
    expect(await envOf()).toBeUndefined()
    const spec = { targetRef: { name: 'led', port: 80 } }
    const guarded = { apiVersion, kind: 'GuardedService', metadata: { name: 'led' }, spec }
    expect((await webhook.cluster.send('POST', path('guardedservices'), guarded)).status).toBe(201)
    expect(await envOf()).toBeUndefined()
    const services = '/api/v1/namespaces/shop/services'
    const leading = { selector: { app: 'led' }, ports: [{ port: 80, targetPort: 'guard' }] }
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'led' }, spec: leading }
    expect((await webhook.cluster.send('POST', services, service)).status).toBe(201)
    expect(await envOf()).toEqual([{ name: 'HOST', value: '127.0.0.1' }])
    const { body } = await webhook.cluster.send('POST', pods('shop', false), plainPod('led'))
    const again = injectGuard(body as Pod, 'shop', settings, 'ToGuard')
    expect('pod' in again ? jsonPatch(body, again.pod) : again).toEqual([])
    expect((await webhook.cluster.send('DELETE', path('guardedservices', 'led'))).status).toBe(200)
  })

  it("keeps the app's own token away from the guard", async () => {
    const { body } = await webhook.create('shop', plainPod('orders'))
    const { spec } = body as Pod
    const mounts = (name: string, list = spec.containers) =>
      list.find(container => container.name === name)?.volumeMounts?.map(mount => mount.name)
    expect(mounts('app')?.[0]).toMatch(/^kube-api-access-/)
    expect(mounts('latchkey-guard', spec.initContainers)).toEqual([
      'latchkey-ca',
      'latchkey-token',
      'latchkey-snapshot',
      'latchkey-ca',
    ])
  })

  it('K28 leaves a pod whose label was forgotten alone: it has no port named guard', async () => {
    const answer = await webhook.create('shop', plainPod())
    expect([answer.status, hasGuard(answer)]).toEqual([201, false])
  })

  it.each(['theirs', 'latchkey-system', 'kube-system'])('does nothing in the namespace %s', async namespace => {
    const answer = await webhook.create(namespace, plainPod('orders'))
    expect([answer.status, hasGuard(answer)]).toEqual([201, false])
  })

  it('refuses a pod that cannot be guarded, with what to do', async () => {
    const pod = plainPod('orders')
    const { status, body } = await webhook.create('shop', { ...pod, spec: { ...pod.spec, hostNetwork: true } })
    expect(status).toBe(422)
    expect(body.message).toBe(
      'admission webhook "inject-unlabelled.latchkey.latchkey.dev" denied the request: a pod with hostNetwork cannot be guarded: its ports are the node\'s; remove hostNetwork or the label latchkey.dev/guard',
    )
  })

  it('passes Pod Security restricted when the app does', async () => {
    const enforce = { 'pod-security.kubernetes.io/enforce': 'restricted' }
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'strict', labels: enforce } }
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'strict' } }
    await kubectl(webhook.cluster.plane.kubeconfig, ['apply', '--filename=-'], [namespace, account])
    const pod = plainPod('orders')
    const securityContext = {
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    }
    const containers = pod.spec.containers.map(container => ({ ...container, securityContext }))
    const answer = await webhook.create('strict', { ...pod, spec: { ...pod.spec, containers } })
    expect([answer.body.message, hasGuard(answer)]).toEqual([undefined, true])
  })
})

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

describe('at the paths of other releases', () => {
  it('S03 strangers are told that there is nothing, before a byte of their body is read', async () => {
    for (const path of ['/', '/validate', '/mutate', `/validate/${'b'.repeat(32)}`]) {
      const answer = await new Promise<{ status: number | undefined; ended: boolean }>((resolve, reject) => {
        const headers = { 'content-type': 'application/json', 'content-length': 3_000_000 }
        const sent = request(`https://127.0.0.1:${webhook.reached.port}${path}`, {
          ca: webhook.reached.ca,
          method: 'POST',
          headers,
        })
        sent.on('response', response => resolve({ status: response.statusCode, ended: sent.writableEnded }))
        sent.on('error', reject)
        sent.flushHeaders()
      })
      expect([path, answer]).toEqual([path, { status: 404, ended: false }])
    }
  })

  it('the API server is answered where it is told none, and where it is told those of the last release', async () => {
    for (const at of [paths.none, { validate: '/validate', mutate: '/mutate' }, paths.random]) {
      await webhook.askAt(at)
      for (let round = 0; round < 20; round++) {
        expect(hasGuard(await webhook.create('shop', plainPod('orders'))), JSON.stringify(at)).toBe(true)
        const refused = await webhook.cluster.send('POST', `${path('roles')}?dryRun=All`, role('x', ['/a/%41']))
        expect(refused.status).toBe(422)
      }
    }
  })
})

describe('while nobody answers', () => {
  beforeAll(async () => {
    await webhook.cluster.send('POST', path('roles'), role('kept', ['/a']))
    await webhook.cluster.send('POST', path('roles'), role('gone', ['/a']))
    await webhook.server.close(0)
  })

  it('K14 labelled pods do not start, and all others do', async () => {
    const refused = await webhook.create('shop', plainPod('orders'))
    expect([refused.status, refused.body.message]).toEqual([500, expect.stringContaining('failed calling webhook')])
    expect((await webhook.create('shop', plainPod())).status).toBe(201)
    expect((await webhook.create('theirs', plainPod('orders'))).status).toBe(201)
  })

  it('specs of ours cannot change, but labels and finalizers can, and deletion works', async () => {
    const { body } = await webhook.cluster.send('GET', path('roles', 'kept'))
    const stored = body as { metadata: object; spec: object }
    const labelled = { ...stored, metadata: { ...stored.metadata, labels: { a: 'b' } } }
    const kept = await webhook.cluster.send('PUT', path('roles', 'kept'), labelled)
    expect(kept.status).toBe(200)
    const changed = { ...kept.body, spec: role('kept', ['/b']).spec }
    expect((await webhook.cluster.send('PUT', path('roles', 'kept'), changed)).status).toBe(500)
    expect((await webhook.cluster.send('DELETE', path('roles', 'gone'))).status).toBe(200)
  })

  it('K14 K28 deleting the configuration opens nothing: the policy refuses the pod without its guard', async () => {
    const policies = (await renderChart()).filter(isPolicy)
    await kubectl(webhook.cluster.plane.kubeconfig, ['apply', '--filename=-'], policies)
    await kubectl(webhook.cluster.plane.kubeconfig, ['delete', 'mutatingwebhookconfiguration', 'latchkey'])
    await eventually(async () => {
      const { status, body } = await webhook.create('shop', plainPod('orders'))
      return status === 403 && body.message?.includes('must have the injected init container latchkey-guard') === true
    }, 'the policy refuses')
  })
})
