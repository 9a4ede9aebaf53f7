import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The module that a thread is made of: beside the bundle that the caller is a part of; in a checkout `worker.ts` beside the
 * caller's source.
 * @param bundle its name in bundling/bundle.ts
 * @param caller `import.meta.url`
 */
export function workerFile(bundle: string, caller: string): string {
  const bundles = [`./${bundle}.mjs`, `../${bundle}.mjs`].map(path => fileURLToPath(new URL(path, caller)))
  return bundles.find(path => existsSync(path)) ?? fileURLToPath(new URL('./worker.ts', caller))
}
