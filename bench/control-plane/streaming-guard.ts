import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KubeClient, KubeObject, Resource } from '../../platform/kube/client.ts'
import { until } from '../../test/cluster/progress.ts'
import { addPod, tokenOf } from '../../test/integration/issuer/objects.ts'
import { freePort, startPinned, untilListening } from '../machine/process.ts'
import { productCommand } from '../peers/product-command.ts'

/** Of a pod behind a service: `namespace/name`, and a token bound to the pod. */
export interface GuardPlace {
  readonly service: string
  readonly tokenFile: string
}

const tokenSeconds = 3_600

/** What the tests' objects are written with. */
export function writerOf(admin: KubeClient) {
  return {
    admin,
    create: admin.create,
    setStatus: (resource: Resource, namespace: string, name: string, status: unknown): Promise<KubeObject> =>
      admin.patch<KubeObject>(resource, namespace, name, { status }, { subresource: 'status' }),
  }
}

/** A pod that no node runs, whose status says that its guard runs. */
export async function addGuardPod(
  client: KubeClient,
  directory: string,
  pod: { readonly namespace: string; readonly service: string; readonly name: string },
): Promise<GuardPlace> {
  const { namespace, service, name } = pod
  const writer = writerOf(client)
  const added = await addPod(writer, { namespace, name, labels: { app: service } })
  const tokenFile = join(directory, `${name}.token`)
  await writeFile(tokenFile, await tokenOf(writer, added, undefined, tokenSeconds))
  return { service: `${namespace}/${service}`, tokenFile }
}

export interface StreamingGuard {
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

/** A guard as it is injected, with its stream; returns when it can decide. */
export async function startStreamingGuard(about: {
  readonly name: string
  readonly directory: string
  readonly core: number
  readonly snapshotUrl: string
  readonly caFile: string
  readonly place: GuardPlace
  readonly appPort: number
}): Promise<StreamingGuard> {
  const { command, args, nodeEnv, guardEnv } = productCommand(process.execPath)
  const [port, adminPort] = [await freePort(), await freePort()]
  const store = join(about.directory, about.name)
  await mkdir(store, { recursive: true })
  const env = {
    ...nodeEnv,
    ...guardEnv,
    LATCHKEY_SERVICE: about.place.service,
    LATCHKEY_UPSTREAM: `http://127.0.0.1:${about.appPort}`,
    LATCHKEY_LISTEN: `127.0.0.1:${port}`,
    LATCHKEY_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    LATCHKEY_SNAPSHOT_URL: about.snapshotUrl,
    LATCHKEY_CA_FILE: about.caFile,
    LATCHKEY_TOKEN_FILE: about.place.tokenFile,
    LATCHKEY_SNAPSHOT_FILE: join(store, 'snapshot.json'),
    LATCHKEY_AUDIT: '/dev/null',
  }
  const running = startPinned({ name: 'guard', command, args: [...args, 'guard'], core: about.core, env })
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  try {
    await untilListening('guard', running, port)
    // Not whether it is ready: what else listens on this machine is exposed, as it sees it.
    await until('the guard has a policy', 60_000, async () =>
      /^latchkey_guard_snapshot_usable 1$/m.test(await metrics()),
    )
  } catch (error) {
    await running.stop()
    throw new Error(`${(error as Error).message}:\n${running.said()}`)
  }
  return { pid: running.pid, port, stop: running.stop }
}
