import { type ManifestOptions, manifestSlice } from '../../../core/registry/manifests.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { readManifests } from '../../../platform/manifest-files.ts'
import { documentReaders } from '../../../platform/openapi/document-readers.ts'

/** What is compiled, and for whom. Plain data: it goes from one process to another. */
export interface CompileOrder extends Pick<ManifestOptions, 'service' | 'issuer' | 'installation' | 'now'> {
  /** Folder of YAML and JSON files, or one file. */
  readonly path: string
}

export interface Compiled {
  readonly rows: readonly Row[]
  /** A sentence for everything that is passed over, left out or does less than it says. */
  readonly problems: readonly string[]
  /** A sentence for everything that is wrong with the files; then there are no rows. */
  readonly mistakes: readonly string[]
}

/** The rows of one service, from files. @throws Error when a file cannot be read */
export async function compileManifests({ path, ...options }: CompileOrder): Promise<Compiled> {
  const { objects, mistakes, warnings } = await readManifests(path)
  if (mistakes.length > 0) return { rows: [], problems: [], mistakes }
  const { rows, problems } = manifestSlice(objects, { ...options, ...documentReaders })
  return { rows, problems: [...warnings, ...problems], mistakes }
}
