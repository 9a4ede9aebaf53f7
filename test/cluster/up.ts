import { existsSync } from 'node:fs'
import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { noAuthenticators, prepareCertificates, startApiServer } from './api-server.ts'
import { helmPath, keyOf, kubectlPath, repositoryRoot } from './binaries.ts'
import { type BinaryName, corednsBinary, kubernetesBinary } from './build-binaries.ts'
import { succeeds } from './command.ts'
import { startControllerManager, startScheduler } from './controller-manager.ts'
import { startDns } from './dns.ts'
import { stopRealCluster } from './down.ts'
import { dockerAnswers, kindUp } from './kind.ts'
import { withLock } from './lock.ts'
import { prepareMachine } from './machine.ts'
import { processKubeconfig, startKubelet, startKubeProxy } from './node.ts'
import { startContainerd } from './node-runtime.ts'
import { installNodePackages } from './packages.ts'
import { runScript, say, step, until } from './progress.ts'
import {
  adminKubeconfig,
  authenticationConfigPath,
  clusterDirectory,
  clusterLock,
  dnsAnswers,
  healthOf,
  kubeconfigPath,
  nodeAddress,
  nodeReady,
  ports,
  startedFrom,
} from './real-cluster.ts'

/** Starts the cluster unless a healthy one of the same build runs; one that is broken is ended first. */
export async function startRealCluster(): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    throw new Error('a cluster needs Docker (kind), or Linux and root; start Docker, or run this as root')
  }
  const binary = await kubernetesBinary()
  const coredns = await corednsBinary()
  const wanted = keyOf(binary('kubelet'), coredns)
  await withLock(clusterLock, async () => {
    if ((await startedFrom()) === wanted && (await healthOf()).healthy) say('the cluster runs already')
    else await start(binary, coredns, wanted)
  })
  await mkdir(dirname(kubeconfigPath), { recursive: true })
  await rm(kubeconfigPath, { force: true })
  await copyFile(adminKubeconfig, kubeconfigPath)
}

async function start(binary: (name: BinaryName) => string, coredns: string, wanted: string): Promise<void> {
  await installNodePackages()
  if (existsSync(clusterDirectory)) await step('clean up what was left', stopRealCluster)
  await mkdir(clusterDirectory, { recursive: true, mode: 0o700 })
  await prepareMachine()
  await step('control plane', () => startControlPlaneProcesses(binary))
  await step('containerd', startContainerd)
  await step('kubelet, kube-proxy and DNS', async () => {
    await Promise.all([startKubelet(binary), startKubeProxy(binary), startDns(coredns, adminKubeconfig)])
    await until('the node is Ready; see kubelet.log in its directory', 120_000, nodeReady, 200)
    await until('DNS answers; see coredns.log and kube-proxy.log', 60_000, dnsAnswers, 200)
    await until('pods may be made', 60_000, async () =>
      succeeds(await kubectlPath(), ['--kubeconfig', adminKubeconfig, 'get', 'serviceaccount', 'default']),
    )
  })
  await writeFile(join(clusterDirectory, 'started-from'), wanted)
}

async function startControlPlaneProcesses(binary: (name: BinaryName) => string): Promise<void> {
  await prepareCertificates(join(clusterDirectory, 'pki'), nodeAddress)
  await writeFile(authenticationConfigPath, noAuthenticators, { mode: 0o600 })
  await processKubeconfig('admin', 'latchkey-admin', ['system:masters'])
  await startApiServer({
    binary,
    directory: clusterDirectory,
    address: nodeAddress,
    port: ports.apiServer,
    etcdPort: ports.etcd,
    detached: true,
    extraArgs: [`--advertise-address=${nodeAddress}`, `--authentication-config=${authenticationConfigPath}`],
  })
  const common = { binary, directory: clusterDirectory, detached: true }
  const [manager, scheduler] = await Promise.all([
    processKubeconfig('kube-controller-manager', 'system:kube-controller-manager', []),
    processKubeconfig('kube-scheduler', 'system:kube-scheduler', []),
  ])
  const extraArgs = ['--allocate-node-cidrs=true', '--cluster-cidr=10.244.0.0/16']
  startControllerManager({ ...common, kubeconfig: manager, extraArgs })
  startScheduler({ ...common, kubeconfig: scheduler, extraArgs: [] })
}

/** Puts kubectl and helm where whoever works in the checkout finds them. */
async function linkClients(): Promise<void> {
  const programs = join(repositoryRoot, 'build', 'bin')
  await mkdir(programs, { recursive: true })
  for (const [name, path] of [['kubectl', await kubectlPath()] as const, ['helm', await helmPath()] as const]) {
    await rm(join(programs, name), { force: true })
    await symlink(path, join(programs, name))
  }
}

if (import.meta.main) {
  await runScript(async () => {
    if (await dockerAnswers()) await kindUp()
    else await startRealCluster()
    await linkClients()
    say(`KUBECONFIG=${kubeconfigPath}`)
  })
}
