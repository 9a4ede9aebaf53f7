import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createKubeClient, type KubeClient, type KubeObject, type Resource } from '../../platform/kube/client.ts'
import { inCluster, loadKubeConnection } from '../../platform/kube/connection.ts'
import { namespaces, serviceAccounts } from '../../platform/kube/resources.ts'
import { startControlPlane } from '../../test/cluster/control-plane.ts'
import { installCrds } from '../../test/integration/install-crds.ts'

export const releaseNamespace = 'latchkey-system'

/** A real etcd and API server with our kinds, and a service account that every process of a bench acts as. */
export interface Plane {
  readonly url: string
  /** Where files of a bench may be written; it goes with the plane. */
  readonly directory: string
  /** Token, CA and namespace, as a pod has them. */
  readonly accountDirectory: string
  /** Speaks as our processes do: the same account, the same pool of connections. */
  readonly client: KubeClient
}

const clusterRoleBindings: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
}
const account = 'bench'
const daySeconds = 86_400
// Read by etcd itself. What a bench writes in minutes would fill the 2 GiB that it takes otherwise.
const quota = { name: 'ETCD_QUOTA_BACKEND_BYTES', bytes: 8 * 2 ** 30 }

/** Starts one, works with it, and ends it whatever happens. */
export async function onPlane<T>(work: (plane: Plane) => Promise<T>): Promise<T> {
  process.env[quota.name] = String(quota.bytes)
  const plane = await startControlPlane({ name: 'bench' })
  const admin = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
  let client: KubeClient | undefined
  try {
    await installCrds(admin)
    await admin.create(namespaces, { metadata: { name: releaseNamespace } })
    const accountDirectory = await writeAccount(admin, plane.directory, plane.caFile)
    client = createKubeClient(inCluster(plane.url, accountDirectory))
    return await work({ url: plane.url, directory: plane.directory, accountDirectory, client })
  } finally {
    await client?.close()
    await admin.close()
    await plane.stop()
  }
}

/** An account that may do everything, so that the API server judges and queues its requests as those of any pod. */
async function writeAccount(admin: KubeClient, directory: string, caFile: string): Promise<string> {
  await admin.create(serviceAccounts, { metadata: { namespace: releaseNamespace, name: account } })
  await admin.create(clusterRoleBindings, {
    metadata: { name: account },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', namespace: releaseNamespace, name: account }],
  } as KubeObject)
  const { status } = await admin.raw<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${releaseNamespace}/serviceaccounts/${account}/token`,
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: daySeconds } },
  )
  const target = join(directory, 'account')
  await mkdir(target)
  await writeFile(join(target, 'token'), status.token)
  await writeFile(join(target, 'ca.crt'), await readFile(caFile))
  await writeFile(join(target, 'namespace'), releaseNamespace)
  return target
}
