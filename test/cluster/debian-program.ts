import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, keyOf } from './binaries.ts'
import { run } from './command.ts'

/**
 * A program of a Debian package, fetched and unpacked into the cache: nothing is installed, no daemon starts, no file
 * below /etc changes.
 * @param path of the program inside the package, such as `usr/bin/docker-registry`
 */
export async function debianProgram(name: string, path: string): Promise<string> {
  const release = await readFile('/etc/debian_version', 'utf8')
  const directory = await cached(`debian-${name}-${keyOf(release)}`, async into => {
    await run('apt-get', ['update', '-qq'])
    await run('apt-get', ['download', '-qq', name], { cwd: into })
    const [archive = ''] = (await readdir(into)).filter(file => file.endsWith('.deb'))
    await run('dpkg', ['-x', join(into, archive), into])
  })
  return join(directory, path)
}
