import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { cached, keyOf } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'
import { step } from '../../cluster/progress.ts'

/** Path of promtool: the one on the PATH, or Debian's, unpacked into the cache; no service is installed. */
export async function promtoolPath(): Promise<string> {
  for (const directory of (process.env.PATH ?? '').split(delimiter))
    if (directory && existsSync(join(directory, 'promtool'))) return join(directory, 'promtool')
  if (!existsSync('/usr/bin/apt-get')) throw new Error('promtool is not on the PATH; install it and try again')
  const directory = await cached(`promtool-${keyOf('prometheus', process.arch)}`, temporary =>
    step('fetch promtool', async () => {
      const download = () => run('apt-get', ['download', '-qq', 'prometheus'], { cwd: temporary })
      await download().catch(async () => {
        await run('apt-get', ['update', '-qq'])
        await download()
      })
      const [archive = ''] = (await readdir(temporary)).filter(name => name.endsWith('.deb'))
      await run('dpkg-deb', ['-x', archive, 'unpacked'], { cwd: temporary })
      await run('mv', ['unpacked/usr/bin/promtool', '.'], { cwd: temporary })
      await run('rm', ['-rf', 'unpacked', archive], { cwd: temporary })
    }),
  )
  return join(directory, 'promtool')
}

/**
 * Runs promtool on the first of these files, with the others beside it; JSON is YAML.
 * @throws Error with what it found
 */
export async function promtool(what: readonly string[], files: Record<string, object>, input = ''): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'promtool-'))
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), JSON.stringify(content))
    const [first = ''] = Object.keys(files)
    return await run(await promtoolPath(), [...what, ...(first === '' ? [] : [first])], { cwd: folder, input })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
