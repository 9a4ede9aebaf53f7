import { spawnSync } from 'node:child_process'
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { equivalent } from './equivalent.ts'
import { type MutationReport, mutationSummary } from './report.ts'

/**
 * Changes the code in one place at a time and tells which changes no test notices: `make mutation`. A file is held by
 * the tests of its own folder alone, which keeps them together and the run short.
 * Usage: node test/mutation/main.ts [file or folder …], `all` for everything it is meant for.
 */
const folders = ['matching', 'policy', 'credential', 'jose', 'keys', 'rows', 'snapshot'].map(name => `core/${name}`)
const all = [...folders, 'platform/wire', 'platform/wire/fields', 'platform/wire/connection']
const besides: Readonly<Record<string, readonly string[]>> = {
  'core/credential': [
    'test/unit/core/explain/*.test.ts',
    'test/unit/core/policy/*.test.ts',
    'test/unit/cli/token*.test.ts',
  ],
  'core/policy': ['test/unit/core/explain/*.test.ts'],
  'platform/wire/fields': ['test/unit/platform/wire/*.test.ts'],
  'platform/wire/connection': ['test/unit/platform/wire/*.test.ts'],
}
/** What takes, reads and writes connections is held by running guards, and not tried with its folder. */
const onConnections = ['listener.ts', 'outbox.ts', 'pages.ts', 'reading.ts']
/** What says yes or no. */
const deciding = [
  'core/base/strict-json.ts',
  'core/credential/compact.ts',
  'core/jose/ed25519-point.ts',
  'core/matching/path.ts',
  'core/policy/decide.ts',
  'core/policy/check-identity.ts',
  'core/policy/choose-grant.ts',
]
const repository = fileURLToPath(new URL('../../', import.meta.url))

for (const tests of Object.values(besides).flat())
  if (globSync(tests, { cwd: repository }).length === 0) throw new Error(`There are no tests ${tests}: they moved.`)

const words = process.argv.slice(2)
const places = words.includes('all') ? all : words.length > 0 ? words : deciding
const files = places.flatMap(filesOf)
const tests = [...new Set(files.flatMap(testsOf))]
const stryker = join(repository, 'node_modules/@stryker-mutator/core/bin/stryker.js')
const { status } = spawnSync(
  process.execPath,
  [stryker, 'run', 'test/mutation/stryker.json', '--mutate', files.join(',')],
  { cwd: repository, stdio: 'inherit', env: { ...process.env, MUTATION_OF: JSON.stringify({ files, tests }) } },
)
if (status === 0) {
  const report = JSON.parse(readFileSync(join(repository, 'build/mutation.json'), 'utf8')) as MutationReport
  const { text, isGood } = mutationSummary(report, equivalent)
  process.stdout.write(text)
  process.exitCode = isGood ? 0 : 1
} else process.exitCode = status ?? 1

function filesOf(place: string): string[] {
  if (!statSync(join(repository, place)).isDirectory()) return [place]
  const names = readdirSync(join(repository, place))
  return names.filter(name => name.endsWith('.ts') && !onConnections.includes(name)).map(name => `${place}/${name}`)
}

/** Some folders are held by a test elsewhere too. */
function testsOf(file: string): string[] {
  const folder = dirname(file)
  return [`test/unit/${folder}/*.test.ts`, ...(besides[folder] ?? [])]
}
