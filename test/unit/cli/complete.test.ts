import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { completeCommand as completeAuthorizer } from '../../../authorizer/command.ts'
import { completeCommand as completeGuard } from '../../../guard/command.ts'
import { commandLine } from './command-line.ts'
import { plantedTable } from './command-table.ts'

const table = plantedTable()
const complete = async (...words: string[]): Promise<string[]> => {
  const { code, text, complaint } = await commandLine(['__complete', ...words], { table })
  expect([code, complaint]).toEqual([0, ''])
  return text.split('\n').slice(0, -1)
}
const wordsOf = async (...words: string[]) => (await complete(...words)).map(line => line.split('\t')[0])

describe('completion', () => {
  it('says with each word what it means', async () => {
    expect(await complete('w')).toEqual(['weigh\tWeighs something.'])
    expect(await complete('weigh', 'salt', '--un')).toEqual(['--unit\tunit'])
  })

  it.each<[string[], string[]]>([
    [[''], ['operator', 'key', 'weigh', 'help']],
    [[], ['operator', 'key', 'weigh', 'help']],
    [['k'], ['key']],
    [['x'], []],
    [['x', ''], []],
    [['key', ''], ['rotate']],
    [['key', 'x', ''], []],
    [
      ['help', ''],
      ['operator', 'key', 'weigh'],
    ],
    [['help', 'key', ''], ['rotate']],
    [['help', 'weigh', ''], []],
    [['operator', ''], []],
    [
      ['weigh', ''],
      ['bread', 'salt'],
    ],
    [
      ['weigh', '--unit', ''],
      ['gram', 'ounce'],
    ],
    [['weigh', '-u', 'o'], ['ounce']],
    [['weigh', '--unit=g'], ['--unit=gram']],
    // As bash takes it apart.
    [
      ['weigh', '--unit', '='],
      ['gram', 'ounce'],
    ],
    [['weigh', '--unit', '=', 'g'], ['gram']],
    [
      ['weigh', '--unit', 'gram', ''],
      ['bread', 'salt'],
    ],
    [
      ['weigh', '--unit=gram', ''],
      ['bread', 'salt'],
    ],
    [
      ['weigh', '--twice', ''],
      ['bread', 'salt'],
    ],
    [['weigh', 'salt', ''], [':files']],
    [['weigh', 'salt', 'file', ''], []],
    [['weigh', '--log-file', 'a'], [':files']],
    [['weigh', '--log-file=a'], [':files']],
    [
      ['weigh', '-'],
      ['--unit', '--log-file', '--twice', '--output', '--help'],
    ],
    [
      ['weigh', '--none', ''],
      ['bread', 'salt'],
    ],
    [['weigh', '--none='], []],
    [['key', 'rotate', '-'], ['--help']],
  ])('after %j there may be %j', async (words, expected) => {
    expect(await wordsOf(...words)).toEqual(expected)
  })

  it.each<[string, (words: string[]) => string, string[], string[]]>([
    ['guard', completeGuard, ['--up'], ['--upstream', '--upstream-protocol']],
    ['guard', completeGuard, ['--debug', '--lis'], ['--listen']],
    ['guard', completeGuard, ['--upstream-protocol', ''], ['http1', 'h2c']],
    ['guard', completeGuard, ['--audit-on-block=D'], ['--audit-on-block=Deny']],
    ['guard', completeGuard, ['--manifests', ''], [':files']],
    ['guard', completeGuard, ['--service', 'a'], []],
    ['guard', completeGuard, ['x'], []],
    ['authorizer', completeAuthorizer, ['--gr'], ['--grpc-listen']],
    ['authorizer', completeAuthorizer, ['--peer-ca', ''], [':files']],
    ['authorizer', completeAuthorizer, ['--h'], ['--health', '--help']],
  ])('of %s: %j', (_, completeOf, words, expected) => {
    const found = completeOf(words).split('\n').slice(0, -1)
    expect(found.map(line => line.split('\t')[0])).toEqual(expected)
  })

  it.each([
    ['guard', completeGuard],
    ['authorizer', completeAuthorizer],
  ])('shows every option of %s where nothing is typed: there is nothing else', async (name, completeOf) => {
    const source = await readFile(new URL(`../../../${name}/command.ts`, import.meta.url), 'utf8')
    const options = [...source.matchAll(/(?:ption\(|new Option\()\s*'(--[a-z-]+)/g)].map(([, flag]) => flag)
    expect(options.length).toBeGreaterThan(10)
    const found = completeOf(['']).split('\n').slice(0, -1)
    expect(found.map(line => line.split('\t')[0])).toEqual([...options, '--help'])
  })

  it.each([['bash'], ['zsh'], ['fish']])('has a script for %s that asks latchkey', async shell => {
    const { code, text } = await commandLine(['completion', shell])
    expect(code).toBe(0)
    expect(text).toContain('latchkey __complete')
  })

  it('has no script for a shell that it does not know', async () => {
    const { code, text, complaint } = await commandLine(['completion', 'tcsh'])
    expect([code, text, complaint]).toEqual([2, '', expect.stringContaining('bash, zsh, fish')])
  })
})
