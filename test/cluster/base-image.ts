import { readFileSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { cached, keyOf } from './binaries.ts'
import { run } from './command.ts'
import { step } from './progress.ts'

// What the node binary links to, and a shell to look around with, as the public image has one.
const packages = ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1', 'busybox-static']
const directories = ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'usr/local/bin', 'etc', 'tmp', 'proc', 'sys', 'dev']
const merged = ['bin', 'sbin', 'lib', 'lib64']
const unneeded = ['usr/share', 'usr/lib/x86_64-linux-gnu/gconv', 'usr/lib/aarch64-linux-gnu/gconv']

const files = {
  'etc/passwd': 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n',
  'etc/group': 'root:x:0:\nnonroot:x:65532:\n',
  'etc/nsswitch.conf': 'hosts: files dns\n',
}

function nodePackage(): string {
  const name = `node-linux-${process.arch}`
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`))
  } catch (cause) {
    throw new Error(`the npm package ${name} is not installed; run npm install`, { cause })
  }
}

/** Changes when the base image would. */
export function baseImageKey(): string {
  const recipe = JSON.stringify([packages, directories, merged, unneeded, files])
  return keyOf(readFileSync(join(nodePackage(), 'package.json')), recipe, process.arch)
}

/** Stands in for the public Node image where none can be pulled: a root file system of Debian packages and our Node. */
export function baseImageContext(): Promise<string> {
  return cached(`base-image-${baseImageKey()}`, context =>
    step('make the base image from Debian packages and Node', async () => {
      const root = join(context, 'root')
      for (const directory of directories) await mkdir(join(root, directory), { recursive: true })
      for (const name of merged) await symlink(`usr/${name}`, join(root, name))
      await unpackPackages(root)
      for (const path of unneeded) await rm(join(root, path), { recursive: true, force: true })
      for (const [path, text] of Object.entries(files)) await writeFile(join(root, path), text)
      await linkShell(root)
      const node = join(root, 'usr/local/bin/node')
      await copyFile(join(nodePackage(), 'bin', 'node'), node)
      await run('chmod', ['0755', node, root])
      await run('chmod', ['1777', join(root, 'tmp')])
      await writeFile(
        join(context, 'Dockerfile'),
        'FROM scratch\nCOPY root/ /\nENV PATH=/usr/local/bin:/usr/bin:/bin\n',
      )
    }),
  )
}

async function unpackPackages(root: string): Promise<void> {
  const downloads = await mkdtemp(join(root, '..', 'downloads-'))
  // apt drops root's rights for a download where it can; it may not enter a directory that is ours alone.
  await run('apt-get', ['download', '-o', 'APT::Sandbox::User=root', ...packages], { cwd: downloads })
  for (const file of await readdir(downloads)) {
    const archive = join(downloads, `${file}.tar`)
    await run('sh', ['-c', 'dpkg-deb --fsys-tarfile "$0" > "$1"', join(downloads, file), archive])
    await run('tar', ['-xf', archive, '-C', root, '--keep-directory-symlink'])
  }
  await rm(downloads, { recursive: true })
}

async function linkShell(root: string): Promise<void> {
  const busybox = join(root, 'usr', 'bin', 'busybox')
  const applets = (await run(busybox, ['--list'])).trim().split('\n')
  const present = new Set(await readdir(join(root, 'usr', 'bin')))
  for (const applet of applets) if (!present.has(applet)) await symlink('busybox', join(root, 'usr', 'bin', applet))
}
