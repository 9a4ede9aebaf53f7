import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { prepareCertificates, restartApiServer, startApiServer } from './api-server.ts'
import { cacheDirectory } from './binaries.ts'
import { type BinaryName, kubernetesBinary } from './build-binaries.ts'
import { makeCertificate, pairIn, writeKubeconfig } from './certificates.ts'
import { startControllerManager } from './controller-manager.ts'
import { isAlive, logTail, processesIn, processesNaming, signal, startTimeOf, stopProcess } from './processes.ts'

export type ControlPlaneOptions = {
  /** Path of an AuthenticationConfiguration; the API server reads it again when it changes. */
  authenticationConfig?: string
  /** More arguments of kube-apiserver. */
  extraArgs?: string[]
  /** Part of the directory's name, for whoever looks. */
  name?: string
  /** Runs kube-controller-manager too: garbage collection, namespace deletion, default service accounts. */
  controllerManager?: boolean
}

export type ControlPlane = {
  url: string
  caFile: string
  /** Where its etcd serves clients. */
  etcdUrl: string
  /** Path of a kubeconfig of a cluster administrator. */
  kubeconfig: string
  /** Makes a client certificate and gives back the path of a kubeconfig with it. */
  kubeconfigFor: (user: string, groups: string[]) => Promise<string>
  directory: string
  /** Ends the API server and starts it again, with the keys of service accounts that its directory holds now. */
  restartApiServer: () => Promise<void>
  /** Ends the processes and removes the directory. */
  stop: () => Promise<void>
}

/**
 * Starts etcd and kube-apiserver on free loopback ports, for tests; needs no rights. Several may run side by side.
 * What a killed test run left behind is ended and removed first.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binary = await kubernetesBinary()
  await mkdir(parent(), { recursive: true })
  await removeLeftovers()
  // Another process may take a port between our look and its use; a second try finds others.
  for (let attempt = 1; ; attempt++) {
    const directory = join(parent(), directoryName(options.name ?? 'test'))
    try {
      return await startIn(directory, binary, options)
    } catch (error) {
      await stopAll(directory)
      if (attempt === 3 || !/address already in use/.test(String(error))) throw error
    }
  }
}

async function startIn(directory: string, binary: (name: BinaryName) => string, options: ControlPlaneOptions) {
  await mkdir(directory, { mode: 0o700 })
  const killAll = () => {
    for (const one of processesIn(directory)) signal(one, 'SIGKILL')
  }
  process.once('exit', killAll)
  const address = '127.0.0.1'
  const certificates = join(directory, 'pki')
  const [port, etcdPort] = await freePorts()
  await prepareCertificates(certificates, address)
  // Nothing in such a cluster reaches the API server through a Service, and a loopback address may not be published.
  const extraArgs = [`--advertise-address=${address}`, '--endpoint-reconciler-type=none', ...(options.extraArgs ?? [])]
  if (options.authenticationConfig) extraArgs.push(`--authentication-config=${options.authenticationConfig}`)
  const apiServer = { binary, directory, address, port, etcdPort, detached: false, extraArgs }
  await startApiServer(apiServer)

  const caFile = pairIn(certificates, 'ca').certFile
  const server = { url: `https://${address}:${port}`, caFile }
  const kubeconfigOf = async (name: string, user: string, groups: string[]) =>
    writeKubeconfig(
      join(directory, `${name}.kubeconfig`),
      server,
      await makeCertificate(certificates, name, { user, groups }),
    )
  const kubeconfig = await kubeconfigOf('admin', 'latchkey-admin', ['system:masters'])
  if (options.controllerManager)
    startControllerManager({ binary, directory, kubeconfig, detached: false, extraArgs: [] })
  return {
    ...server,
    etcdUrl: `http://127.0.0.1:${etcdPort}`,
    kubeconfig,
    kubeconfigFor: (user: string, groups: string[]) =>
      kubeconfigOf(`user-${randomBytes(6).toString('hex')}`, user, groups),
    directory,
    restartApiServer: () => restartApiServer(apiServer),
    stop: async () => {
      process.off('exit', killAll)
      await stopAll(directory)
    },
  }
}

/** The name says who made it, so that no moment exists in which a directory has no known maker. */
function directoryName(name: string): string {
  return [name, process.pid, startTimeOf(process.pid), randomBytes(3).toString('hex')].join('.')
}

function parent(): string {
  return join(cacheDirectory(), 'control-planes')
}

/** Ends and removes the control planes whose makers have ended. */
export async function removeLeftovers(): Promise<void> {
  for (const name of existsSync(parent()) ? readdirSync(parent()) : []) {
    const [, pid, startTime] = /\.(\d+)\.([^.]+)\.[0-9a-f]{6}$/.exec(name) ?? []
    if (pid && startTime && isAlive({ pid: Number(pid), startTime })) continue
    await stopAll(join(parent(), name))
  }
}

/** What a test cannot reach any more it only calls refused: this is why. */
function sayWhatEnded(directory: string): void {
  const started = processesIn(directory)
  const ended = started.filter(one => !isAlive(one))
  // Of a machine that began anew nothing is left.
  if (ended.length === started.length) return
  for (const { name } of ended) {
    console.error(`${name} had ended by itself, or was ended by others; its last lines:`)
    console.error(logTail(join(directory, `${name}.log`)))
  }
}

/** Nothing of a test's cluster is worth a graceful end. */
async function stopAll(directory: string): Promise<void> {
  if (!existsSync(directory)) return
  sayWhatEnded(directory)
  const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager']
  const all = [...processesIn(directory), ...processesNaming(`${directory}/`, programs)]
  await Promise.all(all.map(one => stopProcess(one, 0)))
  await rm(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
}

async function freePorts(): Promise<[number, number]> {
  const servers = await Promise.all([listenAnywhere(), listenAnywhere()])
  const [first, second] = servers.map(({ port }) => port)
  await Promise.all(servers.map(({ close }) => close()))
  return [first as number, second as number]
}

function listenAnywhere(): Promise<{ port: number; close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (address === null || typeof address === 'string') return reject(new Error('no port was given'))
      resolve({ port: address.port, close: () => new Promise(closed => server.close(() => closed())) })
    })
  })
}
