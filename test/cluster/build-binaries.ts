import { existsSync } from 'node:fs'
import { readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheDirectory, cached, keyOf } from './binaries.ts'
import { run } from './command.ts'
import { withLock } from './lock.ts'
import { runScript, say, step } from './progress.ts'

/** Names that the one binary is called by. */
export type BinaryName =
  | 'etcd'
  | 'kube-apiserver'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet'
  | 'kube-proxy'

const kubernetesVersion = '1.35.4'
const [major, minor] = kubernetesVersion.split('.')
const version = 'k8s.io/component-base/version'
const stamps = [`gitVersion=v${kubernetesVersion}`, `gitMajor=${major}`, `gitMinor=${minor}`, 'gitTreeState=clean']

type Module = { name: string; ldflags: string; links: BinaryName[]; about: string; usual: string }

const modules = {
  kubernetes: {
    name: 'kubernetes',
    ldflags: `-s -w ${stamps.map(stamp => `-X ${version}.${stamp}`).join(' ')}`,
    links: ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy'],
    about: 'Kubernetes and etcd from their Go modules',
    usual: '8 min on 2 cores',
  },
  coredns: {
    name: 'coredns',
    ldflags: '-s -w',
    links: [],
    about: 'CoreDNS from its Go module',
    usual: '2 min on 2 cores',
  },
  kind: {
    name: 'kind',
    ldflags: '-s -w',
    links: [],
    about: 'kind from its Go module',
    usual: '20 s on 2 cores',
  },
} satisfies Record<string, Module>

async function build(module: Module): Promise<string> {
  const source = join(import.meta.dirname, module.name)
  const sources = await Promise.all(['go.mod', 'go.sum', 'main.go'].map(file => readFile(join(source, file))))
  const go = await goVersion()
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', module.ldflags]
  const name = `bin/${module.name}-${keyOf(...sources, flags.join(' '), module.links.join(' '), go)}`
  const final = join(cacheDirectory(), name)
  if (existsSync(final)) return final
  return await withLock(join(cacheDirectory(), `build-${module.name}.lock`), () =>
    cached(name, directory => {
      say(`build ${module.about}: ${module.usual} the first time, then cached in ${cacheDirectory()}`)
      return step(`build ${module.about}`, async () => {
        const args = ['build', ...flags, '-o', join(directory, module.name), '.']
        await run('go', args, { cwd: source, env: { CGO_ENABLED: '0', GOFLAGS: '' } })
        for (const linkName of module.links) await symlink(module.name, join(directory, linkName))
      })
    }),
  )
}

async function goVersion(): Promise<string> {
  try {
    return await run('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'])
  } catch (cause) {
    throw new Error('the test cluster is built with Go; install Go 1.26 or later and try again', { cause })
  }
}

/** Builds unless done before; gives back where a process of Kubernetes, or etcd, lies. */
export async function kubernetesBinary(): Promise<(name: BinaryName) => string> {
  const directory = await build(modules.kubernetes)
  return name => join(directory, name)
}

/** Builds unless done before; gives back where CoreDNS lies. */
export async function corednsBinary(): Promise<string> {
  return join(await build(modules.coredns), 'coredns')
}

/** Builds unless done before; gives back where kind lies. Its version says which node image it takes. */
export async function kindBinary(): Promise<string> {
  return join(await build(modules.kind), 'kind')
}

if (import.meta.main) {
  await runScript(async () => {
    await kubernetesBinary()
    await corednsBinary()
  })
}
