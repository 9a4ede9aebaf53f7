import { parentPort, threadId } from 'node:worker_threads'
import type { ReadingOrder } from '../../../cluster/openapi/reading-thread.ts'

type Order = ReadingOrder | { readonly bytes: Uint8Array }

// Does what no document and no body should be able to make the real ones do, by the first word of either.
parentPort?.on('message', (order: Order) => {
  const word = /^\w*/.exec(textOf(order))?.[0]
  if (word === 'loop') for (;;);
  if (word === 'exit') process.exit(3)
  if (word === 'throw') throw new Error('of its own')
  if (word === 'memory') for (const held: string[][] = []; ; ) held.push(Array.from({ length: 10_000 }, String))
  if (word === 'whoami') return void tell(threadId)
  // A quarter of a second's work.
  if (word === 'work') for (const until = spentMs() + 250; spentMs() < until; );
  const answer = 'bytes' in order ? { fault: 'fine' } : { reading: '{"routes":[]}', ofAll: true }
  tell(answer)
})

function tell(answer: unknown): void {
  parentPort?.postMessage({ answer, spentMs: 1, totalMs: spentMs() })
}

function spentMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}

function textOf(order: Order): string {
  if ('bytes' in order) return Buffer.from(order.bytes).toString('latin1')
  return 'text' in order.content ? order.content.text : ''
}
