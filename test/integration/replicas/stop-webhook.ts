import { expect } from 'vitest'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { secrets } from '../../../platform/kube/resources.ts'
import { makePair } from '../../unit/webhook/make-pair.ts'
import { isWebhook, kubectl, renderChart } from '../chart/render-chart.ts'
import { startIssuerService } from '../crowd/issuer-service.ts'
import { type Cluster, eventually, plainPod, settings } from '../policies/setup.ts'
import { atOurServer, hasGuard, path, paths, pods, role } from '../webhook/asked-webhook.ts'
import { followReadiness, type Replica, type Stop, startReplica } from './replica-process.ts'

const env = {
  LATCHKEY_NAMESPACE: 'latchkey-system',
  LATCHKEY_FULLNAME: 'latchkey',
  LATCHKEY_ISSUER_URL: settings.issuerUrl,
  LATCHKEY_GUARD_IMAGE: settings.image,
  LATCHKEY_SNAPSHOT_URL: settings.snapshotUrl,
  LATCHKEY_GUARD_RESOURCES: '{}',
  LATCHKEY_LOG_LEVEL: 'info',
}

/**
 * Of two replicas the one that the API server asks is stopped while it asks all along. Nothing passes unlooked at, and soon
 * all is answered again; one that is told to end answers everything until then.
 * @param cluster with a namespace `shop`; its admission configurations are replaced
 */
export async function stopWebhook(cluster: Cluster, stop: Stop): Promise<void> {
  const service = await startIssuerService()
  const replicas: Replica[] = []
  const follow = followReadiness(
    () => replicas,
    ready => service.lead(ready.map(one => one.port('webhook'))),
  )
  try {
    const { cert, key, ca } = await makePair()
    const [crt, pem] = [cert, key].map(text => Buffer.from(text).toString('base64'))
    const metadata = { name: 'latchkey-webhook-tls', namespace: 'latchkey-system' }
    await cluster.client.create(secrets, { metadata, data: { 'tls.crt': crt, 'tls.key': pem } } as KubeObject)
    const own = { ...env, LATCHKEY_KUBECONFIG: cluster.plane.kubeconfig }
    replicas.push(...(await Promise.all([1, 2].map(() => startReplica('webhook', own, 2)))))
    const at = { port: service.port, ca }
    const configurations = (await renderChart()).filter(isWebhook).map(one => atOurServer(one, at, paths.none))
    await kubectl(cluster.plane.kubeconfig, ['apply', '--filename=-'], configurations)

    const inject = async () => {
      const answer = await cluster.send('POST', pods('shop'), plainPod('orders'))
      return answer.status === 201 ? (hasGuard(answer) ? 'injected' : 'passed by') : `refused with ${answer.status}`
    }
    const validate = async () => {
      const { status } = await cluster.send('POST', `${path('roles')}?dryRun=All`, role('x', ['/a/%41']))
      return status === 201 ? 'passed by' : `refused with ${status}`
    }
    await eventually(async () => (await inject()) === 'injected', 'pods are injected')
    await eventually(async () => (await validate()) === 'refused with 422', 'roles are validated')

    const stopped = await busiest(replicas)
    const seen = { pods: new Set<string>(), roles: new Set<string>() }
    const ask = async (): Promise<boolean> => {
      const [pod, role] = await Promise.all([inject(), validate()])
      seen.pods.add(pod)
      seen.roles.add(role)
      return pod === 'injected' && role === 'refused with 422'
    }
    stopped.child.kill(stop)
    // What waits for a replica that stands still fails after 5 s, and the API server then asks the other.
    let inOrder = 0
    await expect
      .poll(
        async () => {
          inOrder = (await ask()) ? inOrder + 1 : 0
          return inOrder
        },
        { timeout: stop === 'SIGSTOP' ? 90_000 : 15_000, interval: 50 },
      )
      .toBeGreaterThan(20)
    const failed = stop === 'SIGTERM' ? [] : ['refused with 500']
    expect([...seen.pods].filter(one => ![...failed, 'injected'].includes(one))).toEqual([])
    expect([...seen.roles].filter(one => ![...failed, 'refused with 422'].includes(one))).toEqual([])
    if (stop === 'SIGTERM') {
      let over = false
      void stopped.exited.then(() => (over = true))
      while (!over) expect(await ask()).toBe(true)
      expect(await stopped.exited).toBe(0)
    }
  } finally {
    follow.stop()
    for (const { child } of replicas) child.kill('SIGKILL')
    await service.close()
  }
}

/** The one that was asked most. */
async function busiest(replicas: readonly Replica[]): Promise<Replica> {
  const counts = await Promise.all(
    replicas.map(async one => {
      const lines = (await one.metrics())
        .split('\n')
        .filter(line => line.startsWith('latchkey_admission_reviews_total{'))
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
    }),
  )
  return replicas[counts.indexOf(Math.max(...counts))] as Replica
}
