import { type ChildProcess, spawn } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { KubeClient, KubeObject, Resource } from '../../../platform/kube/client.ts'
import { issuerUrl } from './cluster.ts'

export const leases: Resource = {
  group: 'coordination.k8s.io',
  version: 'v1',
  plural: 'leases',
  kind: 'Lease',
  namespaced: true,
}
type Lease = KubeObject & { spec?: { holderIdentity?: string } }

/** Who leads. */
export const holderOf = async (client: KubeClient): Promise<string | undefined> =>
  (await client.get<Lease>(leases, 'latchkey-system', 'latchkey-operator'))?.spec?.holderIdentity

/** An operator as its pod runs it: a process with a lease, probes and signals. */
export interface OperatorProcess {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  /** Status of a path of its health port. */
  get(path: string): Promise<number>
  output(): string
}

/** @param about.program what to run instead of the sources: a bundle and its command */
export async function startOperatorProcess(about: {
  readonly kubeconfig: string
  readonly podName: string
  readonly env?: Record<string, string>
  readonly program?: readonly string[]
}): Promise<OperatorProcess> {
  const port = await freePort()
  const env = {
    PATH: process.env.PATH ?? '',
    LATCHKEY_NAMESPACE: 'latchkey-system',
    LATCHKEY_FULLNAME: 'latchkey',
    LATCHKEY_ISSUER_URL: issuerUrl,
    LATCHKEY_POD_NAME: about.podName,
    LATCHKEY_KUBECONFIG: about.kubeconfig,
    LATCHKEY_HEALTH_PORT: String(port),
    ...about.env,
  }
  const program = about.program ?? [fileURLToPath(new URL('../../../operator/main.ts', import.meta.url))]
  const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += chunk))
  const exited = new Promise<number | null>(resolve => child.once('exit', code => resolve(code)))
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status
  return { child, exited, get, output: () => output }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}
