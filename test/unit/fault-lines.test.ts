import { readdir, readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'

// Which lines of the lists of faults (F) and of Kubernetes (K) are held: by the title of a test, or by a row of the decision
// that says what they wait for. What titles a table has in its rows is found too; comments do not count.

const lines =
  'F01 F02 F03 F04 F06 F07 F09 F10 F12 F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24 F25 F27 F28 F30 F31 F32 F33 F34 K01 K02 K04 K05 K06 K07 K09 K11 K13 K14 K15 K16 K17 K18 K20 K22 K23 K24 K25 K26 K27 K28 K29'.split(
    ' ',
  )
/** Lines of which nothing can be held yet. */
const notYet = ['F18', 'F25']

const tests = new URL('../', import.meta.url)
const decision = new URL('../../docs/decisions/0069-lines-of-faults-that-wait.md', import.meta.url)

/** Ids in texts that may be titles. */
function idsIn(source: string): string[] {
  const code = source.replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  const texts = code.match(/'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g) ?? []
  return texts.flatMap(text => (text.includes(' ') ? (text.match(/\b[FK]\d\d\b/g) ?? []) : []))
}

async function held(): Promise<Set<string>> {
  const names = (await readdir(tests, { recursive: true })).filter(
    name => name.endsWith('.test.ts') && !name.endsWith('fault-lines.test.ts'),
  )
  const found = await Promise.all(names.map(async name => idsIn(await readFile(new URL(name, tests), 'utf8'))))
  return new Set(found.flat())
}

const waiting = async (): Promise<string[]> =>
  [...(await readFile(decision, 'utf8')).matchAll(/^\| ([FK]\d\d) \|/gm)].map(match => match[1] as string)

it('holds every line by a test that names it, or says what it waits for', async () => {
  const named = await held()
  const rows = await waiting()
  expect(lines.filter(id => !named.has(id) && !rows.includes(id))).toEqual([])
  expect(lines.filter(id => !named.has(id))).toEqual(notYet)
  expect([...new Set([...named, ...rows])].filter(id => !lines.includes(id))).toEqual([])
  expect(rows).toEqual([...new Set(rows)].sort())
})

it('finds titles and nothing else', () => {
  expect(idsIn("it('F01 goes on', () => {})")).toEqual(['F01'])
  expect(idsIn("  ['goes on (K09)', 1],")).toEqual(['K09'])
  expect(idsIn('describe(`F16 of all`, () => {})')).toEqual(['F16'])
  expect(idsIn("// it('F02 is planned')\n * F03 and others\nconst line = 'F04'")).toEqual([])
})
