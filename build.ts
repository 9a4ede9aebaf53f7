import { mkdirSync, rmSync } from 'node:fs'
import { bundle, bundles } from './bundling/bundle.ts'

/** Makes dist/: every process as a bundle. Source maps stay outside the image. */
rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')
await Promise.all(bundles.map(name => bundle(name, 'dist')))
