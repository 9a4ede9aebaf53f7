import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Writes `generated/` from `proto/`; with `--verify` only compares, and fails on drift. */
const root = join(import.meta.dirname, '../..')
const generated = join(import.meta.dirname, 'generated')

function generate(out: string): void {
  const plugin = { local: 'node_modules/.bin/protoc-gen-es', out, opt: ['target=js+dts', 'import_extension=js'] }
  const template = {
    version: 'v2',
    clean: true,
    inputs: [{ directory: 'authorizer/grpc/proto' }],
    plugins: [plugin],
  }
  execFileSync('node_modules/.bin/buf', ['generate', '--template', JSON.stringify(template)], { cwd: root })
}

/** Every file of a folder with its content, by its path. */
function contents(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const paths = entries.map(entry => join(entry.parentPath, entry.name)).sort()
  return new Map(paths.map(path => [path.slice(folder.length), readFileSync(path, 'utf8')]))
}

if (process.argv.includes('--verify')) {
  const fresh = mkdtempSync(join(tmpdir(), 'latchkey-proto-'))
  try {
    generate(fresh)
    const [made, kept] = [contents(fresh), contents(generated)]
    const drifted = [...new Set([...made.keys(), ...kept.keys()])].filter(path => made.get(path) !== kept.get(path))
    if (drifted.length > 0) {
      process.stderr.write(`Out of date: ${drifted.join(', ')}. Run \`make generate\` and commit the result.\n`)
      process.exitCode = 1
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
} else {
  generate(generated)
}
