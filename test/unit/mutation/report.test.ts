import { describe, expect, it } from 'vitest'
import { type MutationReport, mutationSummary } from '../../mutation/report.ts'

const source = 'const a = 1\nif (a < 0) {\n  throw a\n}\n'
const at = (line: number, column: number, endLine: number, endColumn: number) => ({
  start: { line, column },
  end: { line: endLine, column: endColumn },
})
const condition = { location: at(2, 5, 2, 10), replacement: 'a <= 0' }
const block = { location: at(2, 12, 4, 2), replacement: '{}' }
const report = (...mutants: MutationReport['files'][string]['mutants']): MutationReport => ({
  files: { 'core/a.ts': { source, mutants } },
})
const killed = (count: number) => Array.from({ length: count }, () => ({ ...condition, status: 'Killed' }))

describe('what mutation says of a file', () => {
  it('is good from 95 of 100 changes that are told', () => {
    const survived = { ...condition, status: 'Survived' }
    expect(mutationSummary(report(...killed(19), survived), []).isGood).toBe(true)
    expect(mutationSummary(report(...killed(18), survived), []).isGood).toBe(false)
    expect(mutationSummary(report(), []).isGood).toBe(true)
  })

  it('names what nobody noticed, what no test reaches too, and counts what ended late as told', () => {
    const { text } = mutationSummary(
      report({ ...condition, status: 'Survived' }, { ...block, status: 'NoCoverage' }, { ...block, status: 'Timeout' }),
      [],
    )
    expect(text.trim().split('\n')).toEqual([
      '33.3 %  core/a.ts: 1 told, 2 not, 0 equivalent',
      '         line 2: a < 0  ->  a <= 0',
      '         line 2: { throw a }  ->  {}',
    ])
  })

  it('passes over what is listed as equivalent: the same code of the same file, and no other change of it', () => {
    const listed = { file: 'core/a.ts', from: 'a < 0', to: ['a <= 0'], why: 'a is 1' }
    const survived = { ...condition, status: 'Survived' }
    const scoreWith = (one: object) => mutationSummary(report(survived), [{ ...listed, ...one }]).isGood
    expect(scoreWith({})).toBe(true)
    expect(scoreWith({ on: 'if (' })).toBe(true)
    for (const other of [{ file: 'core/b.ts' }, { from: 'a' }, { to: ['true'] }, { on: 'while' }])
      expect(scoreWith(other)).toBe(false)
  })
})
