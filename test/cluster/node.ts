import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BinaryName } from './build-binaries.ts'
import { makeCertificate, pairIn, writeKubeconfig } from './certificates.ts'
import { makeGroups } from './cgroups.ts'
import { startProcess } from './processes.ts'
import {
  apiServerUrl,
  cgroupName,
  clusterDirectory,
  containerdSocket,
  dnsServiceAddress,
  nodeAddress,
  nodeName,
} from './real-cluster.ts'

const certificates = join(clusterDirectory, 'pki')
const kubelet = join(clusterDirectory, 'kubelet')

/** Makes a kubeconfig of one of the cluster's own processes. */
export async function processKubeconfig(name: string, user: string, groups: string[]): Promise<string> {
  const server = { url: apiServerUrl, caFile: pairIn(certificates, 'ca').certFile }
  const pair = await makeCertificate(certificates, name, { user, groups })
  return writeKubeconfig(join(clusterDirectory, `${name}.kubeconfig`), server, pair)
}

const kubeletConfig = {
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: nodeAddress,
  healthzPort: 0,
  readOnlyPort: 0,
  tlsCertFile: pairIn(certificates, 'kubelet').certFile,
  tlsPrivateKeyFile: pairIn(certificates, 'kubelet').keyFile,
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: pairIn(certificates, 'ca').certFile },
  },
  authorization: { mode: 'Webhook' },
  clusterDNS: [dnsServiceAddress],
  clusterDomain: 'cluster.local',
  containerRuntimeEndpoint: `unix://${containerdSocket}`,
  podLogsDir: join(clusterDirectory, 'pod-logs'),
  volumePluginDir: join(kubelet, 'volume-plugins'),
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${cgroupName}`,
  failCgroupV1: false,
  failSwapOn: false,
  enforceNodeAllocatable: [],
  oomScoreAdj: 0,
  // kube-proxy works with nftables; nothing would use them.
  makeIPTablesUtilChains: false,
  // Images come from this machine alone: one collected as unused could not be had again.
  imageGCHighThresholdPercent: 100,
  evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
}

export async function startKubelet(binary: (name: BinaryName) => string): Promise<void> {
  makeGroups()
  await mkdir(kubelet, { recursive: true })
  const names = [nodeName, nodeAddress]
  await makeCertificate(certificates, 'kubelet', { user: nodeName, names })
  const kubeconfig = await processKubeconfig('node', `system:node:${nodeName}`, ['system:nodes'])
  const config = join(clusterDirectory, 'kubelet.json')
  await writeFile(config, JSON.stringify(kubeletConfig, null, 2))
  const args = [`--config=${config}`, `--kubeconfig=${kubeconfig}`, `--root-dir=${kubelet}`]
  args.push(`--cert-dir=${join(kubelet, 'pki')}`, `--hostname-override=${nodeName}`, `--node-ip=${nodeAddress}`)
  const log = join(clusterDirectory, 'kubelet.log')
  startProcess(clusterDirectory, 'kubelet', { command: binary('kubelet'), args, log, detached: true })
}

export async function startKubeProxy(binary: (name: BinaryName) => string): Promise<void> {
  const kubeconfig = await processKubeconfig('kube-proxy', 'system:kube-proxy', [])
  const args = [`--kubeconfig=${kubeconfig}`, `--hostname-override=${nodeName}`, '--proxy-mode=nftables']
  args.push('--cluster-cidr=10.244.0.0/16', '--conntrack-max-per-core=0')
  args.push(`--healthz-bind-address=${nodeAddress}:10256`, `--metrics-bind-address=${nodeAddress}:10249`)
  const log = join(clusterDirectory, 'kube-proxy.log')
  startProcess(clusterDirectory, 'kube-proxy', { command: binary('kube-proxy'), args, log, detached: true })
}
