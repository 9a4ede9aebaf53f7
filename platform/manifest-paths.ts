import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** The paths that hold manifests: the YAML and JSON files of a folder, in the order of their names, or the one file. */
export async function manifestPaths(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path]
  const names = await readdir(path)
  return names
    .filter(name => /\.(ya?ml|json)$/i.test(name) && !name.startsWith('.'))
    .sort()
    .map(name => join(path, name))
}
