import { join } from 'node:path'
import { build } from 'esbuild'

// Bundles both programs into dist/, so that the image holds two files and no node_modules.
await build({
  entryPoints: { api: join(import.meta.dirname, 'api/main.ts'), caller: join(import.meta.dirname, 'caller/main.ts') },
  outdir: join(import.meta.dirname, 'dist'),
  outExtension: { '.js': '.mjs' },
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node26',
  minifySyntax: true,
  logLevel: 'warning',
})
