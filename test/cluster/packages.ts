import { existsSync } from 'node:fs'
import { run, succeeds } from './command.ts'
import { step } from './progress.ts'

// Each package with a file that tells whether it is there.
const nodePackages = {
  containerd: '/usr/bin/containerd',
  runc: '/usr/sbin/runc',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  nftables: '/usr/sbin/nft',
  iproute2: '/bin/ip',
  mount: '/bin/umount',
  openssl: '/usr/bin/openssl',
  unzip: '/usr/bin/unzip',
  gcc: '/usr/bin/gcc',
  'libc6-dev': '/usr/include/stdio.h',
}

const imagePackages = { buildah: '/usr/bin/buildah' }

/** Installs what of these is not there: package → a file that tells. */
export async function install(packages: Record<string, string>): Promise<void> {
  await installAll(Object.keys(packages).filter(name => !existsSync(packages[name] ?? '')))
}

async function installAll(missing: string[]): Promise<void> {
  if (missing.length === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`missing: ${missing.join(', ')}; run as root on Debian, or install Docker and use kind`)
  }
  await step(`install ${missing.join(' ')}`, async () => {
    const env = { DEBIAN_FRONTEND: 'noninteractive' }
    await run('apt-get', ['update', '-qq'], { env })
    // A package that starts its own service would meet ours.
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
      env: { ...env, RUNLEVEL: '1' },
    })
  })
}

/** What a node is made of. */
export function installNodePackages(): Promise<void> {
  return install(nodePackages)
}

/** What images are made with where there is no Docker. */
export function installImagePackages(): Promise<void> {
  return install(imagePackages)
}

/** Languages that verify tokens in the tests; one that is on the PATH already is taken as it is. */
export async function installLanguages(): Promise<void> {
  const [python, java, maven] = await Promise.all([
    succeeds('python3', ['-m', 'pip', '--version']),
    succeeds('javac', ['-version']),
    succeeds('mvn', ['--version']),
  ])
  await installAll([
    ...(python ? [] : ['python3', 'python3-pip', 'python3-venv']),
    ...(java ? [] : ['default-jdk-headless']),
    ...(maven ? [] : ['maven']),
  ])
}
