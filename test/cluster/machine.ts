import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run, succeeds } from './command.ts'
import { clusterDirectory, nodeAddress } from './real-cluster.ts'

const table = 'latchkey-cluster'
const masquerade = 'ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade'
const network = `table ip ${table} { chain postrouting { type nat hook postrouting priority srcnat; ${masquerade}; }; }\n`

// Set by us, the kubelet and kube-proxy.
const settings = [
  'net/ipv4/ip_forward',
  'net/netfilter/nf_conntrack_tcp_timeout_established',
  'net/netfilter/nf_conntrack_tcp_timeout_close_wait',
  'vm/overcommit_memory',
  'vm/panic_on_oom',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
].map(name => join('/proc/sys', name))

// Made by containerd, its network plugins, the kubelet and the controller manager outside our own directories.
const directories = [
  '/run/containerd',
  '/var/lib/cni',
  '/var/lib/kubelet',
  '/var/log/containers',
  '/usr/libexec/kubernetes',
]

type Before = { settings: Record<string, string>; absent: string[] }
const beforeFile = join(clusterDirectory, 'before.json')

/** Notes how the machine was, gives it the node's address and lets pods reach what is beyond it. */
export async function prepareMachine(): Promise<void> {
  const before: Before = { settings: {}, absent: directories.filter(directory => !existsSync(directory)) }
  for (const file of settings) {
    if (existsSync(file)) before.settings[file] = (await readFile(file, 'utf8')).trim()
  }
  await writeFile(beforeFile, JSON.stringify(before, null, 2))
  await writeFile('/proc/sys/net/ipv4/ip_forward', '1')
  const addresses = await run('ip', ['-o', 'address', 'show', 'dev', 'lo'])
  if (!addresses.includes(` ${nodeAddress}/`)) await run('ip', ['address', 'add', `${nodeAddress}/32`, 'dev', 'lo'])
  await run('nft', ['-f', '-'], { input: network })
}

/** Makes the machine as it was noted, without the tables of kube-proxy. */
export async function restoreMachine(): Promise<void> {
  await succeeds('nft', ['delete', 'table', 'ip', table])
  for (const family of ['ip', 'ip6']) await succeeds('nft', ['delete', 'table', family, 'kube-proxy'])
  await succeeds('ip', ['address', 'del', `${nodeAddress}/32`, 'dev', 'lo'])
  // Absent when the start was ended before it changed anything.
  if (!existsSync(beforeFile)) return
  const before = JSON.parse(await readFile(beforeFile, 'utf8')) as Before
  for (const [file, value] of Object.entries(before.settings)) {
    // One of a module that is not loaded since a restart of the machine.
    if (!existsSync(file)) continue
    if ((await readFile(file, 'utf8')).trim() !== value) await writeFile(file, value)
  }
  for (const directory of before.absent) await rm(directory, { recursive: true, force: true })
}
