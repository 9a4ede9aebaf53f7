import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { guardedServices, pods, serviceAccounts, services } from '../../../platform/kube/resources.ts'
import { condition, type TestCluster, type WithStatus } from './cluster.ts'

/** What tests make in a cluster, and what of it they wait for. */
export function objectsIn(cluster: Pick<TestCluster, 'client'>) {
  const create = (resource: Resource, namespace: string, name: string, rest: object = {}): Promise<WithStatus> =>
    cluster.client.create<WithStatus>(resource, { metadata: { name, namespace }, ...rest } as WithStatus)
  const patch = (resource: Resource, { metadata }: KubeObject, body: object) =>
    cluster.client.patch(resource, metadata.namespace, metadata.name, body)
  const accepted = (resource: Resource, object: KubeObject, reason: string) =>
    condition(cluster.client, resource, object, { type: 'Accepted', reason })
  const ready = (resource: Resource, object: KubeObject, reason: string) =>
    condition(cluster.client, resource, object, { type: 'Ready', reason })
  const enforced = (resource: Resource, object: KubeObject, reason: string) =>
    condition(cluster.client, resource, object, { type: 'Enforced', reason }, 20_000)

  const service = (namespace: string, name = 'api', targetPort: string | number = 'guard') =>
    create(services, namespace, name, {
      spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort }] },
    })
  const guarded = (namespace: string, name = 'api', spec: object = {}) =>
    create(guardedServices, namespace, name, { spec: { targetRef: { name, port: 80 }, ...spec } })
  const pod = async (namespace: string, name: string, app = 'api') => {
    if (!(await cluster.client.get(serviceAccounts, namespace, 'default')))
      await create(serviceAccounts, namespace, 'default')
    return create(pods, namespace, name, { spec: { containers: [{ name: 'app', image: 'app' }] } }).then(made =>
      cluster.client.patch<KubeObject>(pods, namespace, made.metadata.name, { metadata: { labels: { app } } }),
    )
  }
  return { create, patch, accepted, ready, enforced, service, guarded, pod }
}

/** Gives all of the service `api`. */
export const rule = { services: ['api'], methods: ['GET'], paths: ['/**'] }
