import { describe, expect, it } from 'vitest'
import { broken, type Outcome, readReport, summary } from '../../stages/report.ts'

const asserted = (fullName: string, duration: number, failureMessages: string[] = []) => ({
  fullName,
  duration,
  status: failureMessages.length > 0 ? 'failed' : 'passed',
  failureMessages,
})
const outcome = (name: string, change: Partial<Outcome> = {}): Outcome => ({
  name,
  passed: 1,
  failed: 0,
  seconds: 2,
  failures: [],
  tests: [],
  ...change,
})

describe('what vitest reports', () => {
  it('is read as counts, times, and a paragraph for each failure without frames of packages', () => {
    const read = readReport({
      numPassedTests: 1,
      numFailedTests: 1,
      testResults: [
        {
          name: `${process.cwd()}/test/a.test.ts`,
          message: '',
          assertionResults: [
            asserted('a works', 1500),
            asserted('a breaks', 20, ['\u001b[31mno\u001b[39m\n at node_modules/x.js\n at a.ts']),
          ],
        },
      ],
    })
    expect(read).toEqual({
      passed: 1,
      failed: 1,
      failures: ['FAIL test/a.test.ts: a breaks\n     no\n      at a.ts\n'],
      tests: [
        { name: 'test/a.test.ts: a works', seconds: 1.5 },
        { name: 'test/a.test.ts: a breaks', seconds: 0.02 },
      ],
    })
  })

  it('names a file that broke before its tests ran', () => {
    const broken = { name: `${process.cwd()}/test/b.test.ts`, message: 'no such module', assertionResults: [] }
    expect(readReport({ numPassedTests: 0, numFailedTests: 0, testResults: [broken] }).failures).toEqual([
      'FAIL test/b.test.ts\n     no such module\n',
    ])
  })
})

describe('a step that broke without a failed test', () => {
  it('says what it printed last, without what passed and frames of packages', () => {
    const printed = '\u001b[32m ✓\u001b[39m a works\n\nUnhandled Error\n at node_modules/x.js\n at a.ts\n'
    expect(broken('integration', 1, printed)).toBe(
      'FAIL integration: ended with 1\n     Unhandled Error\n      at a.ts\n',
    )
  })

  it('says sixty lines of it at most', () => {
    const printed = Array.from({ length: 100 }, (_, line) => `line ${line}\n`).join('')
    expect(broken('guard', 'SIGKILL', printed).split('\n')).toHaveLength(62)
  })
})

describe('the summary of a run', () => {
  it('ends with the sums over all stages, below one line for each', () => {
    const lines = summary([outcome('check', { passed: 5 }), outcome('unit', { passed: 7, failed: 2 })], 61.4).split(
      '\n',
    )
    expect(lines).toEqual([
      'ok   check            5 passed   0 failed     2.0 s',
      'FAIL unit             7 passed   2 failed     2.0 s',
      'in 61 s',
      '12 passed, 2 failed',
      '',
    ])
  })

  it('says the failures again, and the ten slowest tests of all stages', () => {
    const times = (name: string, from: number) =>
      Array.from({ length: 8 }, (_, index) => ({ name: `${name} ${index}`, seconds: from + index }))
    const text = summary(
      [outcome('unit', { tests: times('u', 0), failures: ['FAIL x\n'] }), outcome('guard', { tests: times('g', 2) })],
      1,
    )
    const lines = text.split('\n')
    expect(lines.slice(0, 4)).toEqual(['FAIL x', 'slowest:', '    9.0 s  g 7', '    8.0 s  g 6'])
    expect(lines.filter(line => / s {2}[ug] \d$/.test(line))).toHaveLength(10)
  })
})
