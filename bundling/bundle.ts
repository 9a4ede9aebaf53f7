import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { builtinsByRequire } from './builtins-by-require.ts'
import { classNames } from './class-names.ts'
import { leftOut } from './left-out.ts'

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
export const entries = {
  latchkey: 'cli/latchkey.ts',
  operator: 'operator/main.ts',
  issuer: 'issuer/main.ts',
  webhook: 'webhook/main.ts',
  admission: 'webhook/admission/worker.ts',
  guard: 'guard/main.ts',
  manifests: 'enforce/policy/compile/main.ts',
  openapi: 'cluster/openapi/worker.ts',
  authorizer: 'authorizer/main.ts',
}
export type Bundle = keyof typeof entries
/**
 * What people run in a checkout, with the Node they have: `latchkey why …`, `latchkey guard --manifests …`. It uses
 * nothing that is newer than the Node that package.json names. The image has Node 26.
 */
export const forPeople = ['latchkey', 'guard', 'manifests', 'openapi'] as const
export const bundles = Object.keys(entries) as Bundle[]

/** Bundles a process into one file of a folder (and, beside it, what it loads only when asked), with nothing left to install. */
export async function bundle(name: Bundle, outdir: string): Promise<void> {
  await build({
    absWorkingDir: join(import.meta.dirname, '..'),
    entryPoints: { [name]: entries[name] },
    outdir,
    outExtension: { '.js': '.mjs' },
    // What a process imports only when asked, a kubeconfig reader or the schemas, costs memory even unused: it goes
    // into a file beside.
    splitting: true,
    chunkNames: `${name}/[name]-[hash]`,
    bundle: true,
    platform: 'node',
    target: (forPeople as readonly string[]).includes(name) ? 'node20.16' : 'node26',
    format: 'esm',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    logLevel: 'warning',
    define: { LATCHKEY_VERSION: JSON.stringify(version) },
    plugins: [builtinsByRequire, classNames, leftOut],
    // CommonJS dependencies call require for Node's own modules, which an ESM bundle does not have by itself.
    banner: { js: "const{getBuiltinModule:__b}=process,require=__b('module').createRequire(import.meta.url);" },
  })
}
