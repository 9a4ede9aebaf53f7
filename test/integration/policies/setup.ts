import { setTimeout } from 'node:timers/promises'
import { createKubeClient, type KubeClient } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import type { InjectionSettings } from '../../../webhook/injection/guard-container.ts'
import { injectGuard } from '../../../webhook/injection/inject-guard.ts'
import type { Pod } from '../../../webhook/injection/pod.ts'
import { type ControlPlane, startControlPlane } from '../../cluster/control-plane.ts'
import { type Answer, apiRequests } from '../api-request.ts'
import { kubectl } from '../chart/render-chart.ts'
import { installCrds } from '../install-crds.ts'

export interface Cluster {
  readonly plane: ControlPlane
  readonly client: KubeClient
  /** As the cluster's administrator. */
  readonly send: (method: string, path: string, body?: unknown) => Promise<Answer>
  stop(): Promise<void>
}

export const apiVersion = 'latchkey.dev/v1alpha1'
export const settings: InjectionSettings = {
  image: 'latchkey:0.1.0',
  pullPolicy: 'IfNotPresent',
  snapshotUrl: 'https://latchkey-issuer.latchkey-system.svc:8444',
  issuerUrl: 'https://latchkey-issuer.latchkey-system.svc/default',
  resources: { requests: { memory: '64Mi' } },
}

/**
 * An API server with our CRDs and these namespaces, each with the service account that pods run as. Of its own: what is
 * tested with it, policies, webhooks and CRDs that go, changes a cluster as a whole.
 */
export async function startCluster(name: string, namespaces: Record<string, Record<string, string>>): Promise<Cluster> {
  const plane = await startControlPlane({ name })
  const client = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
  await installCrds(client)
  const objects = Object.entries(namespaces).flatMap(([namespace, labels]) => [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
  ])
  await kubectl(plane.kubeconfig, ['apply', '--filename=-'], objects)
  const requests = apiRequests(plane.kubeconfig)
  return {
    plane,
    client,
    send: requests.send,
    async stop() {
      requests.close()
      await client.close()
      await plane.stop()
    },
  }
}

/** Waits for what the API server learns from its own watches: policies, parameters, webhooks. */
export async function eventually(look: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`still not so: ${what}`)
    await setTimeout(100)
  }
}

let count = 0
/** A pod as people write it; label and ports as given. */
export function plainPod(label?: string, ports: object[] = [{ containerPort: 8080 }]): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${++count}`, labels: { app: 'orders', ...(label && { 'latchkey.dev/guard': label }) } },
    spec: { containers: [{ name: 'app', image: 'app:1', ports: ports as never }] },
  }
}

/** The same with its guard. */
export function guardedPod(namespace: string, more: Partial<InjectionSettings> = {}): Pod {
  const injection = injectGuard(plainPod('orders'), namespace, { ...settings, ...more }, 'ToGuard')
  if ('refused' in injection) throw new Error(injection.refused)
  return injection.pod
}

/** A copy with its guard changed. */
export function withGuard(pod: Pod, change: object): Pod {
  const [guard, ...rest] = pod.spec.initContainers ?? []
  return { ...pod, spec: { ...pod.spec, initContainers: [{ ...guard, ...change } as never, ...rest] } }
}

/** A copy with other labels. */
export function withLabels(pod: Pod, labels: Record<string, string>): Pod {
  return { ...pod, metadata: { ...pod.metadata, labels } }
}
