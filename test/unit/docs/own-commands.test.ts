import { expect, test } from 'vitest'
import { commandTable } from '../../../cli/commands.ts'
import { flagOf } from '../../../cli/frame/command.ts'
import { codeOf, documents } from './documents.ts'

const { commands, processes, groups } = commandTable
const flags = new Map(
  commands.map(({ name, options }) => [
    name,
    Object.entries(options).flatMap(([key, { short }]) => [flagOf(key), ...(short === undefined ? [] : [`-${short}`])]),
  ]),
)

/** Every documented call of the command, up to what the shell does with it. */
const call = /(?:(?:^|\$ |\| |<\()latchkey|latchkey\.mjs) ([a-z-][^\n<>|`)]*)/gm
const documented = documents().flatMap(document =>
  codeOf(document).flatMap(code =>
    [...code.replaceAll(/\\\n */g, '').matchAll(call)].map(([, line = '']) => {
      return { path: document.path, words: line.trim().split(/ +/) }
    }),
  ),
)

test('every documented command of ours is in the table, with every option that is shown', () => {
  expect(documented.length).toBeGreaterThan(20)
  const wrong = documented.filter(({ words }) => {
    const [first = '', second = ''] = words
    if (Object.hasOwn(processes, first) || ['help', '--help'].includes(first)) return false
    if (Object.hasOwn(groups, first) && words.length === 1) return false
    const known = flags.get(first) ?? flags.get(`${first} ${second}`)
    return (
      !known || words.some(word => /^--?[a-z]/.test(word) && ![...known, '--help'].includes(word.split('=')[0] ?? ''))
    )
  })
  expect(wrong).toEqual([])
})
