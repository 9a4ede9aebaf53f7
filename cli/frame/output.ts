import type { Option } from './command.ts'
import { escaped } from './drawing.ts'

/**
 * `text` and `table` are for people and may change; `json` and `yaml` are for programs; `raw` is one value alone, as it is,
 * for a command in a script.
 */
export type OutputForm = 'text' | 'table' | 'json' | 'yaml' | 'raw'

/** The option `-o` of a command that has these forms; the first is taken where none is named. */
export function outputOption<const F extends readonly [OutputForm, ...OutputForm[]]>(...forms: F) {
  return {
    short: 'o',
    value: '<form>',
    what: 'form of the output',
    choices: forms as readonly F[number][],
    preset: forms[0] as F[0],
  } as const satisfies Option
}

/** A value in the form that is asked for. `render` makes the form for people. */
export async function formatted(form: OutputForm, value: unknown, render: () => string): Promise<string> {
  if (form === 'json') return `${escaped(JSON.stringify(value, null, 2))}\n`
  if (form !== 'yaml') return render()
  // A YAML library only for those who ask.
  const { asYaml } = await import('./as-yaml.ts')
  return asYaml(value)
}

/** Rows with columns that stand below each other. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map(row => row[at]?.length ?? 0)))
  return rows
    .map(row => `${row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')}\n`)
    .join('')
}

/** What stands in a policy or a token is somebody's text: it cannot draw on the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?')
}
