import { setFlagsFromString } from 'node:v8'
import { readTraceSettings } from '../enforce/report/trace-config.ts'
import { systemClock } from '../platform/clock.ts'
import { completing } from '../platform/completion.ts'
import { readConfig } from '../platform/config.ts'
import { createLog } from '../platform/log.ts'
import { endUnbegun } from '../platform/process-exit.ts'
import { onSignals } from '../platform/shutdown.ts'
import { version } from '../platform/version.ts'
import type { AskedAudit } from './command.ts'
import { configTable, ownSettings } from './config.ts'
import type { RunningGuard } from './guard.ts'
import { startSidecar } from './sidecar.ts'

// One optimizing compiler is enough for the little code that a guard is: Maglev beside it costs 6 MB. Not on the command
// line: with other flags than it was built with, Node does not take its own modules from its cache.
setFlagsFromString('--no-maglev')

const args = process.argv.slice(2)

try {
  if (args.length === 0) await runSidecar({})
  else if (args[0] === completing) await complete(args.slice(1))
  else await runAsked()
} catch (error) {
  endUnbegun('guard', error)
}

async function runSidecar(asked: AskedAudit): Promise<void> {
  const config = { ...readConfig(configTable, ownSettings(process.env)), ...asked }
  const traces = readTraceSettings(process.env)
  const log = createLog({ process: 'guard', level: config.logLevel })
  await stoppable(startSidecar(config, { clock: systemClock, log, version, traces }), log, config.drainDeadlineMs)
}

async function runAsked(): Promise<void> {
  // Loaded here only: commander, yaml and the schemas are of no use to a sidecar.
  const { readCommand } = await import('./command.ts')
  const asked = readCommand(args)
  if (!('standalone' in asked)) return await runSidecar(asked)
  const { startStandalone } = await import('./standalone.ts')
  const traces = readTraceSettings(process.env)
  const log = createLog({
    process: 'guard',
    level: readLogLevel(),
    // Audit lines to stdout are for other programs to read: the log goes beside them.
    destination: { write: line => void process.stderr.write(line) },
  })
  await stoppable(startStandalone(asked.standalone, { clock: systemClock, log, version, traces }), log, 25_000)
}

/**
 * The kubelet runs preStop hooks of all containers first and signals a sidecar last, when the app is gone: too late to
 * send callers on kept connections elsewhere. The injected hook tells it in time by a socket; SIGUSR2 is for other hooks.
 * A guard that is told while it starts stops as soon as it has: to process 1 a signal that nobody takes is none.
 */
async function stoppable(
  starting: Promise<RunningGuard>,
  log: Parameters<typeof onSignals>[1]['log'],
  deadlineMs: number,
): Promise<void> {
  let running: RunningGuard | undefined
  process.on('SIGUSR2', () => running?.announceStop())
  onSignals([async () => (await starting).stop()], { log, deadlineMs: deadlineMs + 4_000 })
  running = await starting
}

/** The one setting of the environment that counts beside options. */
function readLogLevel(): string {
  const { logLevel } = configTable
  return readConfig({ logLevel }, { [logLevel.name]: process.env[logLevel.name] }).logLevel
}

/** A shell asks what may be typed. */
async function complete(words: readonly string[]): Promise<void> {
  const { completeCommand } = await import('./command.ts')
  process.stdout.write(completeCommand(words))
}
