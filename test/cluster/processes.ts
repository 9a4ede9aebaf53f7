import { execFileSync, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { until } from './progress.ts'

/** A process we started. The start time tells it from a later one that got the same pid. */
export type ProcessRecord = { name: string; pid: number; startTime: string }

/** Clock ticks since boot on Linux, a date elsewhere; undefined when there is no such process, or only its remains. */
export function startTimeOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
        .trim()
        .replace(/\W+/g, '-')
    }
    // The command name, second field, may hold spaces and parentheses: count from its end.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

export function isAlive(record: Pick<ProcessRecord, 'pid' | 'startTime'>): boolean {
  return startTimeOf(record.pid) === record.startTime
}

/** `log` is appended to. `detached` lets the process outlive the terminal of whoever started it. */
export type ProcessStart = { command: string; args: string[]; log: string; detached: boolean }

/** Starts a process that goes on by itself and writes its record to `<directory>/<name>.pid`. */
export function startProcess(directory: string, name: string, start: ProcessStart): ProcessRecord {
  const log = openSync(start.log, 'a')
  const child = spawn(start.command, start.args, {
    stdio: ['ignore', log, log],
    detached: start.detached,
    env: environmentWithoutProxy(),
  })
  closeSync(log)
  // A spawn that fails has no pid; its event would otherwise end this process.
  child.on('error', () => {})
  child.unref()
  const startTime = child.pid === undefined ? undefined : startTimeOf(child.pid)
  if (child.pid === undefined || startTime === undefined) {
    throw new Error(`${start.command} did not start; see ${start.log}`)
  }
  const record = { name, pid: child.pid, startTime }
  // Never half a record to be read by another.
  writeFileSync(join(directory, `${name}.new`), JSON.stringify(record))
  renameSync(join(directory, `${name}.new`), join(directory, `${name}.pid`))
  return record
}

/** An API server with a proxy would send its calls to webhooks in the cluster there. */
function environmentWithoutProxy(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(https?|all|no)_proxy$/i.test(name)))
}

/** Records of the processes started in a directory, dead ones too. */
export function processesIn(directory: string): ProcessRecord[] {
  if (!existsSync(directory)) return []
  const files = readdirSync(directory).filter(file => file.endsWith('.pid'))
  return files.flatMap(file => readRecord(join(directory, file)) ?? [])
}

/** @returns undefined when another has removed it meanwhile */
function readRecord(path: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as ProcessRecord
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Processes of these programs whose command line names a path of ours. Finds what was started by somebody killed
 * before the record was written. Linux only; elsewhere the records have to do.
 */
export function processesNaming(path: string, programs: string[]): ProcessRecord[] {
  if (process.platform !== 'linux') return []
  const found: ProcessRecord[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const startTime = startTimeOf(Number(entry))
    const [command = '', ...args] = commandLineOf(entry)
    if (startTime === undefined || !programs.includes(basename(command))) continue
    if (args.some(arg => arg.includes(path))) found.push({ name: basename(command), pid: Number(entry), startTime })
  }
  return found
}

function commandLineOf(pid: string): string[] {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8').split('\0')
  } catch {
    // It ended meanwhile.
    return []
  }
}

export function signal(record: ProcessRecord, name: 'SIGTERM' | 'SIGKILL'): void {
  if (!isAlive(record)) return
  try {
    process.kill(record.pid, name)
  } catch (error) {
    // It ended between the two lines above.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Ends a process: asks, waits `graceMs`, then kills. Returns when it is gone. */
export async function stopProcess(record: ProcessRecord, graceMs: number): Promise<void> {
  if (graceMs > 0) {
    signal(record, 'SIGTERM')
    const left = await until(`end of ${record.name}`, graceMs, () => !isAlive(record)).then(
      () => false,
      () => true,
    )
    if (!left) return
  }
  signal(record, 'SIGKILL')
  await until(`end of ${record.name} (pid ${record.pid}) after SIGKILL`, 60_000, () => !isAlive(record), 10)
}

/** The end of a process's log, for an error that has to say why. */
export function logTail(path: string, lines = 15): string {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
  } catch {
    return `(no log at ${path})`
  }
}
