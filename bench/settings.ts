/** What whoever starts a bench may choose. */
export interface Settings {
  readonly secondsPerRun: number
  /** How often every contestant has its turn. */
  readonly rounds: number
  readonly soakMinutes: number
  /** The program under test runs on this core, alone. */
  readonly programCore: number
  /** The load generator and the origin run on this one. */
  readonly loadCore: number
}

const known: Readonly<Record<string, { key: keyof Settings; default: number; min: number; integer: boolean }>> = {
  SECONDS_PER_RUN: { key: 'secondsPerRun', default: 3, min: 1, integer: true },
  ROUNDS: { key: 'rounds', default: 3, min: 1, integer: true },
  SOAK_MINUTES: { key: 'soakMinutes', default: 10, min: 0, integer: false },
  PROGRAM_CORE: { key: 'programCore', default: 0, min: 0, integer: true },
  LOAD_CORE: { key: 'loadCore', default: 1, min: 0, integer: true },
}

/** @throws Error that lists every mistake at once */
export function readSettings(env: Record<string, string | undefined>): Settings {
  const mistakes: string[] = []
  const entries = Object.entries(known).map(([name, { key, default: fallback, min, integer }]) => {
    const text = env[name]
    const value = text === undefined || text === '' ? fallback : Number(text)
    if (!(value >= min) || (integer && !Number.isInteger(value))) {
      mistakes.push(`${name}: expected ${integer ? 'a whole number' : 'a number'} from ${min}`)
    }
    return [key, value]
  })
  const settings = Object.fromEntries(entries) as Settings
  if (settings.programCore === settings.loadCore) mistakes.push('PROGRAM_CORE and LOAD_CORE must differ')
  if (mistakes.length > 0) throw new Error(`settings:\n  ${mistakes.join('\n  ')}`)
  return settings
}
