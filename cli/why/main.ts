import { why } from './command.ts'

const { LATCHKEY_SERVICE, LATCHKEY_SNAPSHOT_FILE = '/var/lib/latchkey/snapshot.json' } = process.env
const io = {
  write: (text: string) => void process.stdout.write(text),
  defaults: { service: LATCHKEY_SERVICE, snapshot: LATCHKEY_SNAPSHOT_FILE },
  nowMs: Date.now(),
}
try {
  process.exitCode = await why(process.argv.slice(2), io)
} catch (error) {
  process.stderr.write(`latchkey why: ${(error as Error).message}\n`)
  process.exitCode = 2
}
