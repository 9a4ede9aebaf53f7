import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { build } from 'esbuild'

/** Bundles each process into one file of dist/ (and, beside it, what it loads only when asked), with nothing left to install. Source maps stay outside the image. */
const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as { version: string }
const entries: Record<string, string> = {
  latchkey: 'cli/latchkey.ts',
  operator: 'operator/main.ts',
  issuer: 'issuer/main.ts',
  webhook: 'webhook/main.ts',
  guard: 'webhook/guard/main.ts',
  why: 'cli/why/main.ts',
  propose: 'cli/propose/main.ts',
  authorizer: 'webhook/authorizer/main.ts',
}

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')
await Promise.all(
  Object.entries(entries).map(([name, entry]) =>
    build({
      entryPoints: { [name]: entry },
      outdir: 'dist',
      outExtension: { '.js': '.mjs' },
      // What a process imports only when asked, a kubeconfig reader or the schemas, costs memory even unused: it goes
      // into a file beside.
      splitting: true,
      chunkNames: `${name}/[name]-[hash]`,
      bundle: true,
      platform: 'node',
      target: 'node26',
      format: 'esm',
      minifySyntax: true,
      minifyWhitespace: true,
      legalComments: 'linked',
      logLevel: 'warning',
      define: { LATCHKEY_VERSION: JSON.stringify(version) },
      // CommonJS dependencies call require for Node's own modules, which an ESM bundle does not have by itself.
      banner: { js: "import{createRequire as __r}from'node:module';const require=__r(import.meta.url);" },
    }),
  ),
)
