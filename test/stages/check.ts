import { runCommand } from './run-command.ts'
import { check } from './stages.ts'

/**
 * `npm run check`, in half a minute: what is checked without running it, side by side, and when all of that is good the
 * fast unit tests. What a step says comes when it is over.
 */
const outcomes = await Promise.all(
  check.steps.map(async ({ name, command }) => {
    const output: Buffer[] = []
    const status = await runCommand(command, output)
    process.stdout.write(`${status === 0 ? 'ok  ' : 'FAIL'} ${name}\n`)
    process.stdout.write(Buffer.concat(output))
    return status
  }),
)
const isGood = outcomes.every(status => status === 0)
const unit = isGood ? await runCommand(['node_modules/.bin/vitest', 'run', '--project', 'unit'], 'inherit') : 1
process.exitCode = unit === 0 ? 0 : 1
