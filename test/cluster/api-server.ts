import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { BinaryName } from './build-binaries.ts'
import { makeAuthority, makeCertificate, type Pair, pairIn } from './certificates.ts'
import { isAlive, logTail, type ProcessRecord, processesIn, startProcess, stopProcess } from './processes.ts'
import { until } from './progress.ts'

const issuer = 'https://kubernetes.default.svc.cluster.local'
/** Knows no issuer; an API server started with it can be given one later. */
export const noAuthenticators = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n'
const firstServiceAddress = '10.96.0.1'

/** Two processes that make up the least cluster there is: etcd and kube-apiserver. */
export type ApiServerStart = {
  binary: (name: BinaryName) => string
  directory: string
  address: string
  port: number
  etcdPort: number
  detached: boolean
  extraArgs: string[]
}

/** Certificates of a cluster: made once per directory. */
export async function prepareCertificates(directory: string, address: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  if (existsSync(pairIn(directory, 'ca').certFile)) return
  await makeAuthority(directory)
  const names = ['localhost', '127.0.0.1', firstServiceAddress, 'kubernetes', 'kubernetes.default']
  names.push('kubernetes.default.svc', 'kubernetes.default.svc.cluster.local')
  if (!names.includes(address)) names.push(address)
  await Promise.all([
    makeCertificate(directory, 'kube-apiserver', { user: 'kube-apiserver', names }),
    // What the API server is to kubelets; also the front proxy's client certificate.
    makeCertificate(directory, 'kubelet-client', { user: 'kube-apiserver-kubelet-client', groups: ['system:masters'] }),
    makeCertificate(directory, 'admin', { user: 'latchkey-admin', groups: ['system:masters'] }),
  ])
}

/** Its first private key signs tokens of service accounts; every key in it, public ones too, verifies them. */
export function serviceAccountKeyIn(directory: string): string {
  return join(directory, 'pki', 'service-account.key')
}

function startEtcd(start: ApiServerStart): ProcessRecord {
  const url = `http://127.0.0.1:${start.etcdPort}`
  const args = ['--name=latchkey', `--data-dir=${join(start.directory, 'etcd')}`]
  args.push(`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`)
  // No peers; port 0 keeps clusters side by side from meeting.
  args.push('--listen-peer-urls=http://127.0.0.1:0', '--unsafe-no-fsync', '--log-level=warn')
  const log = join(start.directory, 'etcd.log')
  return startProcess(start.directory, 'etcd', { command: start.binary('etcd'), args, log, detached: start.detached })
}

function startKubeApiserver(start: ApiServerStart): ProcessRecord {
  const certificates = join(start.directory, 'pki')
  const own = pairIn(certificates, 'kube-apiserver')
  const client = pairIn(certificates, 'kubelet-client')
  const authority = pairIn(certificates, 'ca')
  const args = [
    `--etcd-servers=http://127.0.0.1:${start.etcdPort}`,
    `--bind-address=${start.address}`,
    `--secure-port=${start.port}`,
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    '--allow-privileged=true',
    `--client-ca-file=${authority.certFile}`,
    `--tls-cert-file=${own.certFile}`,
    `--tls-private-key-file=${own.keyFile}`,
    `--kubelet-client-certificate=${client.certFile}`,
    `--kubelet-client-key=${client.keyFile}`,
    '--kubelet-preferred-address-types=InternalIP',
    `--service-account-issuer=${issuer}`,
    `--api-audiences=${issuer}`,
    `--service-account-key-file=${serviceAccountKeyIn(start.directory)}`,
    `--service-account-signing-key-file=${serviceAccountKeyIn(start.directory)}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--shutdown-delay-duration=0s',
    ...start.extraArgs,
  ]
  const log = join(start.directory, 'kube-apiserver.log')
  const command = start.binary('kube-apiserver')
  return startProcess(start.directory, 'kube-apiserver', { command, args, log, detached: start.detached })
}

/** Starts both and waits until the API server says it is ready. @throws Error with the end of the log of what died */
export async function startApiServer(start: ApiServerStart): Promise<void> {
  await answering(start, [startEtcd(start), startKubeApiserver(start)])
}

/** Ends the API server as if it had crashed and starts it again: it reads its keys anew. */
export async function restartApiServer(start: ApiServerStart): Promise<void> {
  const before = processesIn(start.directory).filter(({ name }) => name === 'kube-apiserver')
  await Promise.all(before.map(one => stopProcess(one, 0)))
  // The kernel may still be taking it apart.
  await until('end of its listener', 10_000, () => isFree(start.address, start.port))
  await answering(start, [startKubeApiserver(start)])
}

function isFree(address: string, port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer().on('error', () => resolve(false))
    server.listen(port, address, () => server.close(() => resolve(true)))
  })
}

async function answering(start: ApiServerStart, processes: readonly ProcessRecord[]): Promise<void> {
  const url = `https://${start.address}:${start.port}`
  const admin = pairIn(join(start.directory, 'pki'), 'admin')
  const caFile = pairIn(join(start.directory, 'pki'), 'ca').certFile
  const deadline = performance.now() + 120_000
  while (!(await answers(`${url}/readyz`, admin, caFile))) {
    const dead = processes.find(one => !isAlive(one))
    if (dead) throw new Error(`${dead.name} ended:\n${logTail(join(start.directory, `${dead.name}.log`))}`)
    if (performance.now() > deadline) {
      throw new Error(`kube-apiserver is not ready:\n${logTail(join(start.directory, 'kube-apiserver.log'))}`)
    }
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** Whether a GET with this client certificate is answered with 200. */
export async function answers(url: string, client: Pair, caFile: string): Promise<boolean> {
  const [ca, cert, key] = await Promise.all([caFile, client.certFile, client.keyFile].map(file => readFile(file)))
  return await new Promise(resolve => {
    const asking = request(url, { ca, cert, key, timeout: 2_000, agent: false }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asking.on('timeout', () => asking.destroy())
    asking.on('error', () => resolve(false))
    asking.end()
  })
}
