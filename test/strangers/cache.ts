import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where prepared strangers are kept: outside the checkout, so that a fresh clone on the same machine starts warm. */
function cacheRoot(): string {
  const base = process.env.LATCHKEY_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'latchkey')
  return join(base, 'strangers')
}

/**
 * A directory that `build` has filled once for these sources; its name carries their hash. What fails leaves nothing
 * behind, and of two that build at once the first one holds.
 * @param build gets an empty directory with a path of its own, which is moved afterwards
 */
export async function prepared(
  name: string,
  sources: string,
  build: (directory: string) => Promise<void>,
): Promise<string> {
  const final = join(cacheRoot(), `${name}-${await hashOf(sources)}`)
  if (existsSync(join(final, '.done'))) return final
  const staging = `${final}.${process.pid}`
  await rm(staging, { recursive: true, force: true })
  await mkdir(staging, { recursive: true })
  try {
    await build(staging)
    await writeFile(join(staging, '.done'), '')
    await rename(staging, final)
  } catch (error) {
    await rm(staging, { recursive: true, force: true })
    if (!existsSync(join(final, '.done'))) throw error
  }
  return final
}

async function hashOf(directory: string): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}\n`)
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  for (const file of files.sort()) hash.update(`${file.slice(directory.length)}\n`).update(await readFile(file))
  return hash.digest('hex').slice(0, 16)
}
