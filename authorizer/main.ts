import { systemClock } from '../platform/clock.ts'
import { completing } from '../platform/completion.ts'
import { readConfig } from '../platform/config.ts'
import { createLog, type Logger } from '../platform/log.ts'
import { endUnbegun } from '../platform/process-exit.ts'
import { onSignals } from '../platform/shutdown.ts'
import { version } from '../platform/version.ts'
import type { RunningAuthorizer } from './authorizer.ts'
import { configTable } from './config.ts'
import { startInCluster } from './in-cluster.ts'

const args = process.argv.slice(2)

try {
  if (args.length === 0) await runInCluster()
  else if (args[0] === completing) await complete(args.slice(1))
  else await runStandalone()
} catch (error) {
  endUnbegun('authorizer', error)
}

async function runInCluster(): Promise<void> {
  const config = readConfig(configTable, process.env)
  const log = createLog({ process: 'authorizer', level: config.logLevel })
  await stoppable(startInCluster(config, { clock: systemClock, log, version }), log)
}

async function runStandalone(): Promise<void> {
  // Loaded here only: commander, yaml and the schemas are of no use in a cluster.
  const { readCommand } = await import('./command.ts')
  const options = readCommand(args)
  const { startStandalone } = await import('./standalone.ts')
  const log = createLog({
    process: 'authorizer',
    level: readLogLevel(),
    // Audit lines to stdout are for other programs to read: the log goes beside them.
    destination: { write: line => void process.stderr.write(line) },
  })
  await stoppable(startStandalone(options, { clock: systemClock, log }), log)
}

/** One that is told while it starts stops as soon as it has: to process 1 a signal that nobody takes is none. */
async function stoppable(starting: Promise<RunningAuthorizer>, log: Logger): Promise<void> {
  onSignals([async () => (await starting).stop()], { log, deadlineMs: 25_000 })
  await starting
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
