import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { commandTable } from '../cli/commands.ts'
import { commandLinePage } from '../cli/frame/reference-page.ts'
import { crdOf } from '../core/api/crd.ts'
import { group } from '../core/api/kind.ts'
import { kinds } from '../core/api/kinds.ts'
import { referencePage } from '../core/api/reference.ts'
import { tokenRecord } from '../core/api/token-record.ts'
import { auditSchema, auditTable } from '../core/audit/audit-schema.ts'
import { problemsPage } from '../core/explain/problems.ts'

/** Writes everything that is made from core and from the table of commands; with `--verify` only compares, and fails on drift. */
const root = new URL('../', import.meta.url)
const verify = process.argv.includes('--verify')
const drifted: string[] = []

function emit(path: string, content: string): void {
  const file = new URL(path, root)
  if (verify) {
    if (read(file) !== content) drifted.push(path)
    return
  }
  mkdirSync(new URL('.', file), { recursive: true })
  writeFileSync(file, content)
}

/** Replaces what stands between two marks of a page that is otherwise written by hand. */
function emitBetween(path: string, marks: RegExp, content: string): void {
  emit(
    path,
    (read(new URL(path, root)) ?? '').replace(marks, (_, begin, end) => `${begin}\n${content}\n\n${end}`),
  )
}

function read(file: URL): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

for (const kind of [...kinds, tokenRecord]) {
  const yaml = `# Made by \`make generate\` from core/api. Do not edit.\n${stringify(crdOf(kind), { lineWidth: 120, aliasDuplicateObjects: false, compat: 'yaml-1.1' })}`
  emit(`crds/${group}_${kind.plural}.yaml`, yaml)
  emit(`charts/latchkey/files/crds/${group}_${kind.plural}.yaml`, yaml)
}
emit('docs/reference.md', referencePage(kinds))
emit('docs/problems.md', problemsPage())
emit('docs/cli.md', commandLinePage(commandTable))
emit('docs/audit-log.schema.json', `${JSON.stringify(auditSchema(), null, 2)}\n`)
emitBetween('docs/audit-log.md', /(<!-- members: [^\n]*-->\n)[\s\S]*(<!-- \/members -->)/, auditTable())

if (drifted.length > 0) {
  process.stderr.write(`Out of date: ${drifted.join(', ')}. Run \`make generate\` and commit the result.\n`)
  process.exitCode = 1
}
