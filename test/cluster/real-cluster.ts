import { Resolver } from 'node:dns/promises'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers } from './api-server.ts'
import { kubectlPath, repositoryRoot } from './binaries.ts'
import { pairIn } from './certificates.ts'
import { run } from './command.ts'
import { isAlive, processesIn } from './processes.ts'

/** State of the cluster. One per machine, as its addresses and tables are; gone after `cluster-down`. */
export const clusterDirectory = '/var/lib/latchkey-cluster'
/** Sockets and mounts, which have no use after a restart of the machine. */
export const runDirectory = '/run/latchkey-cluster'
/** Held by whoever starts or ends the cluster. */
export const clusterLock = '/run/latchkey-cluster.lock'
/** A parent of all pods' control groups, so that what runs in one is known to be ours. */
export const cgroupName = 'latchkey-cluster'
export const nodeName = 'latchkey-node'
/** On the loopback device: the same on every machine, reachable from pods and host, not from outside. */
export const nodeAddress = '10.245.0.1'
export const dnsServiceAddress = '10.96.0.10'
export const ports = { apiServer: 6443, etcd: 20379, dns: 10053 }
export const processNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'containerd',
  'kubelet',
  'kube-proxy',
  'coredns',
]
/** The API server reads this file again by itself when a test writes to it. */
export const authenticationConfigPath = join(clusterDirectory, 'authentication-config.yaml')
export const kubeconfigPath = join(repositoryRoot, 'build', 'kubeconfig')
/** The administrator's, kept with the cluster: the one in the checkout is a copy. */
export const adminKubeconfig = join(clusterDirectory, 'admin.kubeconfig')
export const apiServerUrl = `https://${nodeAddress}:${ports.apiServer}`
export const containerdSocket = join(runDirectory, 'containerd.sock')
const certificates = join(clusterDirectory, 'pki')

export type Health = { running: boolean; healthy: boolean; lines: string[] }

/** What runs and whether it answers. */
export async function healthOf(): Promise<Health> {
  if (!existsSync(clusterDirectory)) return { running: false, healthy: false, lines: ['no cluster'] }
  const records = processesIn(clusterDirectory)
  const checks = processNames.map(name => {
    const record = records.find(one => one.name === name)
    return { what: name, good: record !== undefined && isAlive(record) }
  })
  const [api, node, dns] = await Promise.all([apiAnswers(), nodeReady(), dnsAnswers()])
  checks.push({ what: 'API server answers', good: api })
  checks.push({ what: 'node is Ready', good: node })
  checks.push({ what: 'DNS answers', good: dns })
  const lines = checks.map(check => `${check.good ? 'ok    ' : 'FAILED'} ${check.what}`)
  return { running: true, healthy: checks.every(check => check.good), lines }
}

async function apiAnswers(): Promise<boolean> {
  const admin = pairIn(certificates, 'admin')
  if (!existsSync(admin.certFile)) return false
  return await answers(`${apiServerUrl}/readyz`, admin, pairIn(certificates, 'ca').certFile)
}

/** Whether the kubelet has said, and no one taken back, that pods may run. */
export async function nodeReady(): Promise<boolean> {
  const conditions = '{.status.conditions[?(@.type=="Ready")].status}'
  const args = ['--kubeconfig', adminKubeconfig, 'get', 'node', nodeName, `--output=jsonpath=${conditions}`]
  return (await run(await kubectlPath(), args, { timeoutMs: 5_000 }).catch(() => '')) === 'True'
}

/** Whether a look-up through the Service's address is answered: kube-proxy, CoreDNS and the API server all work. */
export async function dnsAnswers(): Promise<boolean> {
  const resolver = new Resolver({ timeout: 500, tries: 1 })
  resolver.setServers([dnsServiceAddress])
  try {
    const found = await resolver.resolve4('kubernetes.default.svc.cluster.local')
    return found.includes('10.96.0.1')
  } catch {
    return false
  }
}

/** What a running cluster was started from, to tell whether it is out of date. */
export async function startedFrom(): Promise<string> {
  return await readFile(join(clusterDirectory, 'started-from'), 'utf8').catch(() => '')
}
