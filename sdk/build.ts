import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

// Makes sdk/dist: JavaScript that runs on every supported Node, and declarations, with nothing left to install.
const here = import.meta.dirname
const dist = join(here, 'dist')
const declarations = join(dist, 'declarations')
const entries = ['index', 'verifier', 'express', 'fastify', 'hono']

rmSync(dist, { recursive: true, force: true })
mkdirSync(dist)

await build({
  entryPoints: entries.map(name => join(here, `${name}.ts`)),
  outdir: dist,
  bundle: true,
  // One AccessError and one memory of callers for all entries.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  legalComments: 'inline',
  logLevel: 'warning',
})

execFileSync(join(here, '../node_modules/.bin/tsc'), ['-p', join(here, 'tsconfig.json')], { stdio: 'inherit' })
const sources = join(declarations, 'sdk')
for (const name of readdirSync(sources)) {
  const text = readFileSync(join(sources, name), 'utf8')
  writeFileSync(
    join(dist, name),
    text.replace(/(from '\.\/[\w-]+)\.ts'/g, "$1.js'").replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"'),
  )
}
rmSync(declarations, { recursive: true })
