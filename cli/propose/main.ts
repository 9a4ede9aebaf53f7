import { propose } from './command.ts'

const io = { stdin: process.stdin, write: (text: string) => void process.stdout.write(text), nowMs: Date.now() }
try {
  await propose(process.argv.slice(2), io)
} catch (error) {
  process.stderr.write(`latchkey propose: ${(error as Error).message}\n`)
  process.exitCode = 2
}
