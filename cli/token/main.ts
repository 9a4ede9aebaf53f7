import { existsSync } from 'node:fs'
import { token } from './command.ts'

const { LATCHKEY_SERVICE, LATCHKEY_SNAPSHOT_FILE = '/var/lib/latchkey/snapshot.json' } = process.env
const io = {
  write: (text: string) => void process.stdout.write(text),
  input: process.stdin.isTTY ? undefined : process.stdin,
  // Outside of a guard's container there is no policy unless one is named.
  defaults: {
    service: LATCHKEY_SERVICE,
    snapshot: existsSync(LATCHKEY_SNAPSHOT_FILE) ? LATCHKEY_SNAPSHOT_FILE : undefined,
  },
  nowMs: Date.now(),
}
try {
  process.exitCode = await token(process.argv.slice(2), io)
} catch (error) {
  process.stderr.write(`latchkey token: ${(error as Error).message}\n`)
  process.exitCode = 2
}
