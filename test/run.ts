import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/**
 * Runs every stage of the tests, fast first, and closes with `N passed, N failed`. A stage that breaks before it can
 * count its tests counts as one failure, and the next stages still run: one run tells all there is to know.
 * Usage: node test/run.ts [stage …]
 */
interface Stage {
  readonly name: string
  readonly what: string
  readonly command: readonly string[]
  /** The stage is a vitest project and writes its counts. Other stages count as one test. */
  readonly vitest?: true
}

interface Counts {
  readonly passed: number
  readonly failed: number
  /** A paragraph for each failed test: where it is, its name, how it failed. */
  readonly failures: readonly string[]
}

interface Row extends Counts {
  readonly name: string
  readonly seconds: number
}

const vitest = (project: string): readonly string[] => [
  'node_modules/.bin/vitest',
  'run',
  '--project',
  project,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=build/test-${project}.json`,
]

const stages: readonly Stage[] = [
  { name: 'types', what: 'TypeScript', command: ['npm', 'run', '--silent', 'types'] },
  { name: 'lint', what: 'format and lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'layers', what: 'who may import whom', command: ['npm', 'run', '--silent', 'layers'] },
  {
    name: 'dead-code',
    what: 'files, exports and packages that nothing uses',
    command: ['npm', 'run', '--silent', 'dead-code'],
  },
  { name: 'drift', what: 'generated files are up to date', command: ['npm', 'run', '--silent', 'verify'] },
  { name: 'unit', what: 'rules by tables and properties', command: vitest('unit'), vitest: true },
  { name: 'guard', what: 'running guards, through raw sockets', command: vitest('guard'), vitest: true },
  {
    name: 'binaries',
    what: 'etcd, Kubernetes and CoreDNS, built once',
    command: ['make', '--no-print-directory', 'binaries'],
  },
  { name: 'integration', what: 'against a real API server', command: vitest('integration'), vitest: true },
  { name: 'demo', what: 'make demo, as the README says', command: ['make', '--no-print-directory', 'demo'] },
  { name: 'e2e', what: 'whole paths with real pods', command: vitest('e2e'), vitest: true },
]

const wanted = process.argv.slice(2)
const unknown = wanted.filter(name => !stages.some(stage => stage.name === name))
if (unknown.length > 0) {
  process.stderr.write(`No such stage: ${unknown.join(', ')}. Stages: ${stages.map(stage => stage.name).join(', ')}.\n`)
  process.exit(2)
}

mkdirSync('build', { recursive: true })
const needsCluster = wanted.length === 0 || wanted.includes('demo')
const clusterWasThere = needsCluster && quietly('test/cluster/status.ts')
const started = performance.now()
const rows: Row[] = []
for (const stage of stages.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) rows.push(run(stage))

// A run leaves behind what it found: a cluster of somebody's demo stays, its own goes.
if (needsCluster && !clusterWasThere) quietly('test/cluster/down.ts')
const passed = rows.reduce((sum, row) => sum + row.passed, 0)
const failed = rows.reduce((sum, row) => sum + row.failed, 0)
process.stdout.write(`\n${rows.flatMap(row => row.failures).join('')}`)
for (const row of rows)
  process.stdout.write(
    `${row.failed === 0 ? 'ok  ' : 'FAIL'} ${row.name.padEnd(12)} ${String(row.passed).padStart(5)} passed ${String(row.failed).padStart(3)} failed ${row.seconds.toFixed(1).padStart(7)} s\n`,
  )
process.stdout.write(`in ${((performance.now() - started) / 1000).toFixed(0)} s\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1

function quietly(script: string): boolean {
  return spawnSync(process.execPath, [script], { stdio: 'ignore' }).status === 0
}

function run(stage: Stage): Row {
  process.stdout.write(`\n== ${stage.name}: ${stage.what}\n`)
  const begun = performance.now()
  const report = `build/test-${stage.name}.json`
  if (stage.vitest) rmSync(report, { force: true })
  const [command = '', ...args] = stage.command
  const result = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const counts = stage.vitest ? countsOf(report) : undefined
  const broke = result.status !== 0 && (counts === undefined || counts.failed === 0)
  return {
    name: stage.name,
    passed: counts?.passed ?? (broke || stage.vitest ? 0 : 1),
    failed: (counts?.failed ?? 0) + (broke || (stage.vitest && (counts?.passed ?? 0) === 0) ? 1 : 0),
    failures: counts?.failures ?? [],
    seconds: (performance.now() - begun) / 1000,
  }
}

/** What vitest's JSON reporter wrote. The failures are said again at the end, where nobody has to look for them. */
function countsOf(file: string): Counts | undefined {
  if (!existsSync(file)) return undefined
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  const failures = report.testResults.flatMap(({ name, message, assertionResults }) => [
    ...(message === undefined || message === '' ? [] : [`FAIL ${relative('.', name)}\n${opening(message)}`]),
    ...assertionResults
      .filter(test => test.status === 'failed')
      .map(test => `FAIL ${relative('.', name)}: ${test.fullName}\n${opening(test.failureMessages?.join('\n') ?? '')}`),
  ])
  return { passed: report.numPassedTests, failed: report.numFailedTests, failures }
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    /** The file. */
    readonly name: string
    /** Why the file as a whole failed. */
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

function opening(message: string): string {
  const lines = stripVTControlCharacters(message).split('\n')
  const ours = lines.filter(line => !line.includes('node_modules/')).slice(0, 12)
  return ours.map(line => `     ${line.slice(0, 300)}\n`).join('')
}
