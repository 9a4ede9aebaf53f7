import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, keyOf } from './binaries.ts'
import { run, succeeds } from './command.ts'
import { logTail, startProcess } from './processes.ts'
import { until } from './progress.ts'
import { clusterDirectory, containerdSocket, runDirectory } from './real-cluster.ts'

const pauseImage = 'localhost/pause:1'
const root = join(clusterDirectory, 'containerd')
const networks = join(clusterDirectory, 'cni')

const config = `version = 2
# It would make a directory in /opt.
disabled_plugins = ["io.containerd.internal.v1.opt"]
root = "${root}"
state = "${join(runDirectory, 'containerd')}"
[grpc]
  address = "${containerdSocket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pauseImage}"
  # In a container or a small machine, neither may be set.
  restrict_oom_score_adj = true
  disable_apparmor = true
  # Below our own directory, so that what is left of a killed run is known to be ours.
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${networks}"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
`

// Point to point and routed: traffic between two pods of the node passes the tables of kube-proxy, as between nodes.
const network = {
  cniVersion: '0.4.0',
  name: 'latchkey',
  plugins: [
    {
      type: 'ptp',
      mtu: 1500,
      ipam: {
        type: 'host-local',
        dataDir: join(networks, 'addresses'),
        ranges: [[{ subnet: '10.244.0.0/24' }]],
        routes: [{ dst: '0.0.0.0/0' }],
      },
    },
  ],
}

/** Runs ctr against the cluster's containerd, where the kubelet looks for images. */
export function ctr(args: string[]): Promise<string> {
  return run('ctr', ['--address', containerdSocket, '--namespace', 'k8s.io', ...args])
}

/** Starts containerd and gives it the image that every pod begins with. */
export async function startContainerd(): Promise<void> {
  await mkdir(join(networks, 'addresses'), { recursive: true })
  await mkdir(root, { recursive: true })
  await mkdir(runDirectory, { recursive: true, mode: 0o711 })
  const configFile = join(clusterDirectory, 'containerd.toml')
  await writeFile(configFile, config)
  await writeFile(join(networks, '10-latchkey.conflist'), JSON.stringify(network, null, 2))
  const log = join(clusterDirectory, 'containerd.log')
  const args = ['--config', configFile]
  startProcess(clusterDirectory, 'containerd', { command: 'containerd', args, log, detached: true })
  const answering = () => existsSync(containerdSocket) && succeeds('ctr', ['--address', containerdSocket, 'version'])
  await until('containerd answers', 30_000, answering).catch(cause => {
    throw new Error(`containerd does not answer:\n${logTail(log)}`, { cause })
  })
  await ctr(['images', 'import', await pauseArchive()])
}

/** Packs the pause program as an image. */
async function pauseArchive(): Promise<string> {
  const source = join(import.meta.dirname, 'pause.c')
  const key = keyOf(await readFile(source), process.arch)
  const directory = await cached(`pause-${key}`, async final => {
    const work = await mkdtemp(join(final, 'work-'))
    await run('gcc', ['-Os', '-static', '-o', join(work, 'pause'), source])
    const tar = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner']
    await run('tar', [...tar, '-C', work, '-cf', join(work, 'layer.tar'), 'pause'])
    const digest = createHash('sha256')
      .update(await readFile(join(work, 'layer.tar')))
      .digest('hex')
    const image = {
      os: 'linux',
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      config: { Entrypoint: ['/pause'], User: '65535:65535' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
    }
    const manifest = [{ Config: 'config.json', RepoTags: [pauseImage], Layers: ['layer.tar'] }]
    await writeFile(join(work, 'config.json'), JSON.stringify(image))
    await writeFile(join(work, 'manifest.json'), JSON.stringify(manifest))
    await run('tar', ['-C', work, '-cf', join(work, 'pause.tar'), 'manifest.json', 'config.json', 'layer.tar'])
    await copyFile(join(work, 'pause.tar'), join(final, 'pause.tar'))
    await rm(work, { recursive: true })
  })
  return join(directory, 'pause.tar')
}
