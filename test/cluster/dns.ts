import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kubectlPath } from './binaries.ts'
import { run } from './command.ts'
import { processKubeconfig } from './node.ts'
import { startProcess } from './processes.ts'
import { clusterDirectory, dnsServiceAddress, nodeAddress, ports } from './real-cluster.ts'

const user = 'latchkey-cluster-dns'
const metadata = { name: 'kube-dns', namespace: 'kube-system' }
const watched = { apiGroups: ['', 'discovery.k8s.io'], resources: ['services', 'namespaces', 'pods', 'endpointslices'] }
const protocols = [
  { name: 'dns', protocol: 'UDP' },
  { name: 'dns-tcp', protocol: 'TCP' },
]

// CoreDNS runs beside the kubelet, not in a pod: no image of it is needed, and it is there before the first pod.
const objects = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: user },
    rules: [{ ...watched, verbs: ['list', 'watch'] }],
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: user },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: user },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { clusterIP: dnsServiceAddress, ports: protocols.map(one => ({ ...one, port: 53, targetPort: ports.dns })) },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...metadata, labels: { 'kubernetes.io/service-name': 'kube-dns' } },
    addressType: 'IPv4',
    ports: protocols.map(one => ({ ...one, port: ports.dns })),
    endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
  },
]

/** Starts CoreDNS and the Service in front of it; `administrator` is a kubeconfig. */
export async function startDns(coredns: string, administrator: string): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  await run(await kubectlPath(), ['--kubeconfig', administrator, 'apply', '--server-side', '-f', '-'], {
    input: JSON.stringify(list),
  })
  const corefile = join(clusterDirectory, 'Corefile')
  await writeFile(
    corefile,
    `.:${ports.dns} {
  bind ${nodeAddress}
  errors
  cache 5
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${await processKubeconfig('coredns', user, [])}
    ttl 5
  }
  forward . /etc/resolv.conf
}
`,
  )
  const log = join(clusterDirectory, 'coredns.log')
  startProcess(clusterDirectory, 'coredns', { command: coredns, args: ['-conf', corefile], log, detached: true })
}
