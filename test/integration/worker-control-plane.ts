import { createKubeClient } from '../../platform/kube/client.ts'
import { loadKubeConnection } from '../../platform/kube/connection.ts'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { type EtcdContents, readContents, restoreContents } from '../cluster/etcd-contents.ts'
import { installCrds } from './install-crds.ts'

/** What the API server looks after itself. */
const itsOwn =
  /^\/registry\/(masterleases|flowschemas|prioritylevelconfigurations|apiregistration\.k8s\.io|.*\/kube-(system|public|node-lease)(\/|$))/

interface Shared {
  readonly plane: ControlPlane
  readonly fresh: EtcdContents
}
// A worker runs one file after the other, so one at a time has it.
let shared: Promise<Shared> | undefined

/**
 * The control plane of this worker, with our CRDs and nothing else of ours: what the file before left in it is taken out
 * of etcd. For files that keep to namespaced objects. What changes the cluster as a whole (admission configurations and
 * policies, which come into force and go out of it with delay, CRDs that go, other arguments or programs) starts its own.
 */
export async function workerControlPlane(): Promise<ControlPlane> {
  if (shared) {
    const { plane, fresh } = await shared
    await restoreContents(plane.etcdUrl, fresh, itsOwn)
    return plane
  }
  shared = start()
  try {
    return (await shared).plane
  } catch (error) {
    // The next file tries again.
    shared = undefined
    throw error
  }
}

async function start(): Promise<Shared> {
  const plane = await startControlPlane({ name: 'worker' })
  const client = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
  await installCrds(client)
  await client.close()
  // It lives as long as the worker; `end-control-planes.ts` ends it after that.
  return { plane: { ...plane, stop: async () => undefined }, fresh: await readContents(plane.etcdUrl) }
}
