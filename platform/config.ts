import { SettingsError } from './process-exit.ts'

/** One setting: where it comes from, what it may be, what it is when not given. */
export interface Setting<T> {
  /** The environment variable, `LATCHKEY_…`. */
  name: string
  /** @returns the value, or `{ expected }` in words when the text is not one; the text itself is never repeated */
  parse(text: string): { value: T } | { expected: string }
  /** Absent: required. */
  default?: { value: T }
  unit?: string
  /** The default as one would write it, where that differs from its value. */
  format?(value: T): string
  description: string
}

interface About<T> {
  default?: T
  description?: string
  unit?: string
}
type Bounds = { min?: number; max?: number }

// biome-ignore lint/suspicious/noExplicitAny: a table has settings of all types
export type ConfigTable = Record<string, Setting<any>>
export type ConfigOf<Table extends ConfigTable> = {
  [Key in keyof Table]: Table[Key] extends Setting<infer T> ? T : never
}

/**
 * Reads a process's settings from its environment.
 * @throws SettingsError that lists every mistake at once: missing, unparsable, and `LATCHKEY_` names the table does not have
 */
export function readConfig<Table extends ConfigTable>(
  table: Table,
  env: Record<string, string | undefined>,
): ConfigOf<Table> {
  const mistakes: string[] = []
  const known = new Set(Object.values(table).map(setting => setting.name))
  for (const name of Object.keys(env)) {
    if (name.startsWith('LATCHKEY_') && !known.has(name)) mistakes.push(`${name}: no such setting`)
  }
  const read = Object.entries(table).map(([key, setting]) => {
    const text = env[setting.name]
    if (text === undefined || text === '') {
      if (!setting.default) mistakes.push(`${setting.name}: required, ${setting.description}`)
      return [key, setting.default?.value]
    }
    const parsed = setting.parse(text)
    if ('expected' in parsed) mistakes.push(`${setting.name}: expected ${parsed.expected}`)
    return [key, 'value' in parsed ? parsed.value : undefined]
  })
  if (mistakes.length > 0) throw new SettingsError(`configuration:\n  ${mistakes.join('\n  ')}`)
  return Object.fromEntries(read)
}

/** The table as text for `--help`: one line per setting, with unit and default. */
export function describeConfig(table: ConfigTable): string {
  const settings = Object.values(table)
  const width = Math.max(0, ...settings.map(setting => setting.name.length))
  return settings
    .map(({ name, unit, description, default: fallback, format = formatDefault }) => {
      const given = fallback ? `default ${format(fallback.value)}` : 'required'
      return `${name.padEnd(width)}  ${description}${unit ? `, in ${unit}` : ''} (${given})`
    })
    .join('\n')
}

function formatDefault(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(',')
  return value === undefined || value === '' ? 'none' : String(value)
}

function setting<T>(name: string, about: About<T>, parse: Setting<T>['parse']): Setting<T> {
  return {
    name,
    parse,
    description: about.description ?? '',
    ...('default' in about && { default: { value: about.default as T } }),
    ...(about.unit !== undefined && { unit: about.unit }),
  }
}

/** Any text. */
export function text<T extends string | undefined = string>(name: string, about: About<T> = {}): Setting<T> {
  return setting(name, about, value => ({ value: value as T }))
}

/** A whole number in decimal digits. */
export function integer<T extends number | undefined = number>(
  name: string,
  about: About<T> & Bounds = {},
): Setting<T> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = about
  return setting(name, about, value => {
    const number = /^-?\d{1,15}$/.test(value) ? Number(value) : Number.NaN
    return number >= min && number <= max
      ? { value: number as T }
      : {
          expected: `a whole number${about.min === undefined ? '' : ` from ${min}`}${about.max === undefined ? '' : ` to ${max}`}`,
        }
  })
}

/** `true` or `false` and nothing else: a misspelt "yes" must not become false. */
export function flag(name: string, about: About<boolean> = {}): Setting<boolean> {
  return setting(name, about, value =>
    value === 'true' || value === 'false' ? { value: value === 'true' } : { expected: 'true or false' },
  )
}

/** One of a closed list. */
export function choice<const T extends string>(name: string, values: readonly T[], about: About<T> = {}): Setting<T> {
  return setting(name, about, value => {
    const found = values.find(candidate => candidate === value)
    return found === undefined ? { expected: `one of ${values.join(', ')}` } : { value: found }
  })
}

/** An absolute http or https URL without credentials, query or fragment; a trailing slash is cut. */
export function url<T extends string | undefined = string>(name: string, about: About<T> = {}): Setting<T> {
  return setting(name, about, value => {
    const parsed = URL.canParse(value) ? new URL(value) : undefined
    const plain = parsed && !parsed.username && !parsed.password && !parsed.search && !parsed.hash
    if (!plain || !/^https?:$/.test(parsed.protocol)) return { expected: 'an http or https URL' }
    return { value: value.replace(/\/+$/, '') as T }
  })
}

/** Words separated by commas. */
export function list(name: string, about: About<string[]> = {}): Setting<string[]> {
  return setting(name, about, value => ({
    value: value
      .split(',')
      .map(word => word.trim())
      .filter(word => word !== ''),
  }))
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** A Go duration such as `1h30m` or `250ms`, read into milliseconds. Bounds and default are in milliseconds. */
export function duration(name: string, about: About<number> & Bounds = {}): Setting<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = about
  const read = setting<number>(name, about, value => {
    const parts = [...value.matchAll(/(\d{1,9})(ms|s|m|h)/g)]
    const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * unitMs[unit as keyof typeof unitMs], 0)
    const whole = parts.length > 0 && parts.map(part => part[0]).join('') === value
    const bounded = ms >= min && ms <= max
    return whole && bounded ? { value: ms } : { expected: 'a duration such as 30s, 10m or 1h30m, within bounds' }
  })
  return { ...read, format: formatDuration }
}

function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  const units = Object.entries(unitMs).reverse()
  const [unit, size] = units.find(([, length]) => ms % length === 0) ?? ['ms', 1]
  return `${ms / size}${unit}`
}
