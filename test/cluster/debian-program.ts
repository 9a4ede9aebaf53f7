import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cached, keyOf } from './binaries.ts'
import { run } from './command.ts'

/**
 * A program of a Debian package, fetched and unpacked into the cache: nothing is installed, no daemon starts, no file
 * below /etc changes.
 * @param path of the program inside the package, such as `usr/bin/docker-registry`
 * @param libraries packages of libraries that it needs and a machine may lack
 */
export async function debianProgram(name: string, path: string, libraries: readonly string[] = []): Promise<string> {
  const release = await readFile('/etc/debian_version', 'utf8')
  const directory = await cached(`debian-${name}-${keyOf(release, ...libraries)}`, async into => {
    await run('apt-get', ['update', '-qq'])
    await run('apt-get', ['download', '-qq', name, ...libraries], { cwd: into })
    const archives = (await readdir(into)).filter(file => file.endsWith('.deb'))
    for (const archive of archives) await run('dpkg', ['-x', join(into, archive), into])
  })
  return join(directory, path)
}

/** The environment in which a program finds the libraries that were unpacked with it. */
export async function withLibraries(program: string): Promise<NodeJS.ProcessEnv> {
  const folder = join(dirname(dirname(program)), 'lib')
  const folders = (await readdir(folder, { withFileTypes: true })).filter(entry => entry.isDirectory())
  return { ...process.env, LD_LIBRARY_PATH: folders.map(({ name }) => join(folder, name)).join(':') }
}
