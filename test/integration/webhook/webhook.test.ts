import { request } from 'node:https'
import { beforeAll, describe, expect, it } from 'vitest'
import { createTlsSource } from '../../../platform/http/tls-source.ts'
import { injectGuard } from '../../../webhook/injection/inject-guard.ts'
import { jsonPatch } from '../../../webhook/injection/json-patch.ts'
import type { Pod } from '../../../webhook/injection/pod.ts'
import { certified } from '../../unit/webhook/make-pair.ts'
import { isPolicy, kubectl, renderChart } from '../chart/render-chart.ts'
import { apiVersion, eventually, plainPod, settings } from '../policies/setup.ts'
import { stopWebhook } from '../replicas/stop-webhook.ts'
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

it('F19 with a certificate that has ended every review fails and refuses, and a renewed one is taken at the next', async () => {
  const { authority } = webhook.reached
  const tls = createTlsSource(await certified(authority, new Date(Date.now() - 2 * 86_400_000)))
  const server = webhook.serve(tls)
  await webhook.askAt(paths.random, (await server.listen()).port)
  const ended = 'certificate has expired'
  await eventually(
    async () => (await webhook.create('shop', plainPod('orders'))).body.message?.includes(ended) === true,
    'the API server refuses the certificate',
  )
  const refused = await webhook.cluster.send('POST', `${path('roles')}?dryRun=All`, role('x', ['/a']))
  expect([refused.status, refused.body.message]).toEqual([500, expect.stringContaining(ended)])
  expect((await webhook.create('shop', plainPod())).status).toBe(201)
  tls.replace(await certified(authority))
  expect(hasGuard(await webhook.create('shop', plainPod('orders')))).toBe(true)
  expect((await webhook.cluster.send('POST', `${path('roles')}?dryRun=All`, role('x', ['/a']))).status).toBe(201)
  await webhook.askAt(paths.random)
  await server.close(0)
})

// `make soak` stops it in every way.
it('K14 of two webhooks the one that is asked is killed: nothing passes unlooked at, and the other answers', {
  timeout: 60_000,
}, async () => {
  await stopWebhook(webhook.cluster, 'SIGKILL')
  await webhook.askAt(paths.random)
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
