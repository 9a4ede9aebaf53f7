import { systemClock } from '../platform/clock.ts'
import { readConfig } from '../platform/config.ts'
import { createLog, type Logger } from '../platform/log.ts'
import { onSignals } from '../platform/shutdown.ts'
import { version } from '../platform/version.ts'
import type { RunningAuthorizer } from './authorizer.ts'
import { configTable } from './config.ts'
import { startInCluster } from './in-cluster.ts'

const args = process.argv.slice(2)

try {
  if (args.length === 0) await runInCluster()
  else await runStandalone()
} catch (error) {
  // A wrong setting, peer or manifest: the sentence is what helps, a stack trace is not.
  process.stderr.write(`latchkey authorizer: ${(error as Error).message}\n`)
  process.exit(1)
}

async function runInCluster(): Promise<void> {
  const config = readConfig(configTable, process.env)
  const log = createLog({ process: 'authorizer', level: config.logLevel })
  stopOnSignals(await startInCluster(config, { clock: systemClock, log, version }), log)
}

async function runStandalone(): Promise<void> {
  // Loaded here only: commander, yaml and the schemas are of no use in a cluster.
  const { readCommand } = await import('./command.ts')
  const options = readCommand(args)
  const { startStandalone } = await import('./standalone.ts')
  const log = createLog({
    process: 'authorizer',
    level: process.env.LATCHKEY_LOG_LEVEL ?? 'info',
    // Audit lines to stdout are for other programs to read: the log goes beside them.
    destination: { write: line => void process.stderr.write(line) },
  })
  stopOnSignals(await startStandalone(options, { clock: systemClock, log }), log)
}

function stopOnSignals(authorizer: RunningAuthorizer, log: Logger): void {
  onSignals([() => authorizer.stop()], { log, deadlineMs: 25_000 })
}
