import { relative } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

/** What came of a stage. */
export interface Outcome {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly seconds: number
  /** A paragraph for each failed test: where it is, its name, how it failed. */
  readonly failures: readonly string[]
  readonly tests: readonly TimedTest[]
}

export interface TimedTest {
  readonly name: string
  readonly seconds: number
}

/** What vitest's JSON reporter writes. */
export interface VitestReport {
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
      /** Milliseconds. */
      readonly duration?: number | null
      readonly failureMessages?: readonly string[]
    }[]
  }[]
}

/** The failures are said again at the end, where nobody has to look for them. */
export function readReport(report: VitestReport): Pick<Outcome, 'passed' | 'failed' | 'failures' | 'tests'> {
  const failures = report.testResults.flatMap(({ name, message, assertionResults }) => [
    ...(message === undefined || message === '' ? [] : [`FAIL ${relative('.', name)}\n${opening(message)}`]),
    ...assertionResults
      .filter(test => test.status === 'failed')
      .map(test => `FAIL ${relative('.', name)}: ${test.fullName}\n${opening(test.failureMessages?.join('\n') ?? '')}`),
  ])
  const tests = report.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, duration }) => ({
      name: `${relative('.', name)}: ${fullName}`,
      seconds: (duration ?? 0) / 1000,
    })),
  )
  return { passed: report.numPassedTests, failed: report.numFailedTests, failures, tests }
}

/** The end of a run's output: failures, the slowest tests, a line for each stage; `N passed, N failed` is the last line. */
export function summary(outcomes: readonly Outcome[], seconds: number): string {
  const slowest = outcomes
    .flatMap(({ tests }) => tests)
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, 10)
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, outcome) => total + count(outcome), 0)
  return [
    ...outcomes.flatMap(({ failures }) => failures),
    ...(slowest.length === 0 ? [] : ['slowest:\n']),
    ...slowest.map(test => `${test.seconds.toFixed(1).padStart(7)} s  ${test.name.slice(0, 200)}\n`),
    ...outcomes.map(
      ({ name, passed, failed, seconds: took }) =>
        `${failed === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(12)} ${String(passed).padStart(5)} passed ${String(failed).padStart(3)} failed ${took.toFixed(1).padStart(7)} s\n`,
    ),
    `in ${seconds.toFixed(0)} s\n`,
    `${sum(({ passed }) => passed)} passed, ${sum(({ failed }) => failed)} failed\n`,
  ].join('')
}

/** @param printed what a step printed that broke without a failed test: an error outside of all tests is told at its end */
export function broken(name: string, status: number | string, printed: string): string {
  return `FAIL ${name}: ended with ${status}\n${indented(
    ourLines(printed)
      .filter(line => !isPassed(line))
      .slice(-60),
  )}`
}

function opening(message: string): string {
  return indented(ourLines(message).slice(0, 12))
}

function ourLines(text: string): string[] {
  return stripVTControlCharacters(text)
    .split('\n')
    .filter(line => line.trim() !== '' && !line.includes('node_modules/'))
}

function isPassed(line: string): boolean {
  return /^\s*[✓↓]/.test(line)
}

function indented(lines: readonly string[]): string {
  return lines.map(line => `     ${line.slice(0, 300)}\n`).join('')
}
