/** A part of the tests that can be run by itself: `make test STAGE=unit,guard`. */
export interface Stage {
  readonly name: string
  readonly what: string
  /** One after the other; one that breaks does not keep the next from running. */
  readonly steps: readonly Step[]
}

export interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** Where vitest writes its counts. A step without it counts as one test. */
  readonly report?: string
}

const npm = (script: string): Step => ({ name: script, command: ['npm', 'run', '--silent', script] })
const make = (target: string): Step => ({ name: target, command: ['make', '--no-print-directory', target] })
const vitest = (name: string, projects = [name]): Step => {
  const report = `build/test-${name}.json`
  const chosen = projects.flatMap(project => ['--project', project])
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  return { name, command: ['node_modules/.bin/vitest', 'run', ...chosen, ...reporters], report }
}

export const check: Stage = {
  name: 'check',
  what: 'types, lint, import rules, dead code, generated files',
  steps: ['types', 'lint', 'layers', 'dead-code', 'verify'].map(npm),
}
const unit: Stage = {
  name: 'unit',
  what: 'rules by tables and properties',
  steps: [vitest('unit', ['unit', 'thorough'])],
}
const guard: Stage = { name: 'guard', what: 'running guards, through raw sockets', steps: [vitest('guard')] }
const integration: Stage = {
  name: 'integration',
  what: 'against a real API server',
  steps: [make('binaries'), vitest('integration')],
}
const demo: Stage = { name: 'demo', what: 'make demo, as the README says', steps: [make('demo')] }
const e2e: Stage = { name: 'e2e', what: 'whole paths with real pods', steps: [vitest('e2e')] }

/**
 * What runs when. The rows run one after the other; the lanes of a row side by side, since integration waits for the
 * API server most of its time while the others compute. Demo and e2e have one cluster and want the machine for themselves.
 */
export const timetable: readonly (readonly (readonly Stage[])[])[] = [
  [[check, unit, guard], [integration]],
  [[demo, e2e]],
]

/**
 * @param words what was asked for, names with commas or spaces between them; nothing means all
 * @returns the timetable of those, or what to tell whoever asked for a stage that is none
 */
export function chooseStages(words: readonly string[]): typeof timetable | { readonly unknown: string } {
  const wanted = words.flatMap(word => word.split(/[\s,]+/)).filter(word => word !== '')
  const names = timetable.flat(2).map(({ name }) => name)
  const unknown = wanted.filter(name => !names.includes(name))
  if (unknown.length > 0) return { unknown: `No such stage: ${unknown.join(', ')}. Stages: ${names.join(', ')}.` }
  const chosen = (stage: Stage) => wanted.length === 0 || wanted.includes(stage.name)
  const rows = timetable.map(row => row.map(lane => lane.filter(chosen)).filter(lane => lane.length > 0))
  return rows.filter(row => row.length > 0)
}
