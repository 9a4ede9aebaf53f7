import { setFlagsFromString } from 'node:v8'
import { readTraceSettings } from '../enforce/report/trace-config.ts'
import { systemClock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { createLog } from '../platform/log.ts'
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
  else await runAsked()
} catch (error) {
  // A wrong setting or manifest: the sentence is what helps, a stack trace is not.
  process.stderr.write(`latchkey guard: ${(error as Error).message}\n`)
  process.exit(1)
}

async function runSidecar(asked: AskedAudit): Promise<void> {
  const config = { ...readConfig(configTable, ownSettings(process.env)), ...asked }
  const traces = readTraceSettings(process.env)
  const log = createLog({ process: 'guard', level: config.logLevel })
  stopOnSignals(await startSidecar(config, { clock: systemClock, log, version, traces }), log, config.drainDeadlineMs)
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
    level: process.env.LATCHKEY_LOG_LEVEL ?? 'info',
    // Audit lines to stdout are for other programs to read: the log goes beside them.
    destination: { write: line => void process.stderr.write(line) },
  })
  stopOnSignals(await startStandalone(asked.standalone, { clock: systemClock, log, version, traces }), log, 25_000)
}

/**
 * The kubelet runs preStop hooks of all containers first and signals a sidecar last, when the app is gone: too late to
 * send callers on kept connections elsewhere. The injected hook tells it in time by a socket; SIGUSR2 is for other hooks.
 */
function stopOnSignals(guard: RunningGuard, log: Parameters<typeof onSignals>[1]['log'], deadlineMs: number): void {
  process.on('SIGUSR2', () => guard.announceStop())
  onSignals([() => guard.stop()], { log, deadlineMs: deadlineMs + 4_000 })
}
