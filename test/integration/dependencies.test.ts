import { readFileSync } from 'node:fs'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { entries } from '../../bundling/bundle.ts'
import { leftOut } from '../../bundling/left-out.ts'

test('every runtime dependency is in the bundle of some process', async () => {
  const { metafile } = await build({
    entryPoints: entries,
    outdir: 'dist',
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    plugins: [leftOut],
  })
  const bundled = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [packageOf(path)] : [])),
  )
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object }
  expect(Object.keys(dependencies).filter(name => !bundled.includes(name))).toEqual([])
})

function packageOf(path: string): string {
  const [, name = ''] = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? []
  return name
}
