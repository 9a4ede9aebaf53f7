import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { broken, type Outcome, readReport, summary, type VitestReport } from './report.ts'
import { runCommand } from './run-command.ts'
import { chooseStages, type Stage, type Step } from './stages.ts'

/**
 * Runs the tests stage by stage and closes with `N passed, N failed`. A step that breaks before it can count its tests
 * counts as one failure, and the next ones still run: one run tells all there is to know.
 * Usage: node test/stages/main.ts [stage,stage …]
 */
const chosen = chooseStages(process.argv.slice(2))
if ('unknown' in chosen) {
  process.stderr.write(`${chosen.unknown}\n`)
  process.exit(2)
}

mkdirSync('build', { recursive: true })
const needsCluster = chosen.flat(2).some(({ name }) => name === 'demo')
const clusterWasThere = needsCluster && quietly('test/cluster/status.ts')
const started = performance.now()
const outcomes: Outcome[] = []
for (const row of chosen) {
  const lanes = availableParallelism() > 1 ? row : [row.flat()]
  const told: Telling = lanes.length > 1 ? 'when over' : 'as it comes'
  for (const lane of await Promise.all(lanes.map(lane => runLane(lane, told)))) outcomes.push(...lane)
}

// A run leaves behind what it found: a cluster of somebody's demo stays, its own goes.
if (needsCluster && !clusterWasThere) quietly('test/cluster/down.ts')
process.stdout.write(`\n${summary(outcomes, (performance.now() - started) / 1000)}`)
const failed = outcomes.some(outcome => outcome.failed > 0)
process.exitCode = failed || outcomes.every(({ passed }) => passed === 0) ? 1 : 0

/** The output of what runs side by side is kept apart: each stage's is written when it is over. */
type Telling = 'as it comes' | 'when over'

function quietly(script: string): boolean {
  return spawnSync(process.execPath, [script], { stdio: 'ignore' }).status === 0
}

async function runLane(lane: readonly Stage[], told: Telling): Promise<Outcome[]> {
  const results: Outcome[] = []
  for (const stage of lane) results.push(await runStage(stage, told))
  return results
}

async function runStage({ name, what, steps }: Stage, told: Telling): Promise<Outcome> {
  const heading = `\n== ${name}: ${what}\n`
  process.stdout.write(
    told === 'as it comes' ? heading : `${heading}   (runs beside others; its output comes when it is over)\n`,
  )
  const begun = performance.now()
  const output: Buffer[] = []
  const counts: Counts[] = []
  for (const step of steps) counts.push(await runStep(step, told === 'as it comes' ? 'inherit' : output))
  const seconds = (performance.now() - begun) / 1000
  if (told === 'when over') process.stdout.write(Buffer.concat([Buffer.from(heading), ...output]))
  return {
    name,
    seconds,
    passed: counts.reduce((sum, { passed }) => sum + passed, 0),
    failed: counts.reduce((sum, { failed }) => sum + failed, 0),
    failures: counts.flatMap(({ failures }) => failures),
    tests: counts.flatMap(({ tests }) => tests),
  }
}

type Counts = Pick<Outcome, 'passed' | 'failed' | 'failures' | 'tests'>

/** @param output where its output goes, or `inherit` for straight to ours */
async function runStep({ name, command, report }: Step, output: Buffer[] | 'inherit'): Promise<Counts> {
  if (report) rmSync(report, { force: true })
  const before = output === 'inherit' ? 0 : output.length
  const status = await runCommand(command, output)
  if (!report) {
    const failures = status === 0 ? [] : [`FAIL ${name}: ${command.join(' ')} ended with ${status}\n`]
    return { passed: status === 0 ? 1 : 0, failed: failures.length, failures, tests: [] }
  }
  const counts = existsSync(report)
    ? readReport(JSON.parse(readFileSync(report, 'utf8')) as VitestReport)
    : { passed: 0, failed: 0, failures: [], tests: [] }
  const broke = counts.failed === 0 && (status !== 0 || counts.passed === 0)
  if (!broke) return counts
  const printed = output === 'inherit' ? '' : Buffer.concat(output.slice(before)).toString()
  return { ...counts, failed: 1, failures: [...counts.failures, broken(name, status, printed)] }
}
