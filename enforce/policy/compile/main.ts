import { type CompileOrder, compileManifests } from './compile-manifests.ts'

// Started by compile-apart.ts, for each change of the manifests: an order as JSON in, rows as JSON out.
try {
  const order = JSON.parse(process.argv[2] ?? '') as CompileOrder
  process.stdout.write(JSON.stringify(await compileManifests(order)))
} catch (error) {
  process.stderr.write((error as Error).message)
  process.exitCode = 1
}
