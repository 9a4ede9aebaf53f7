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
  if (word === 'whoami') return void parentPort?.postMessage({ answer: threadId, spentMs: 1 })
  const answer = 'bytes' in order ? { fault: 'fine' } : { reading: '{"routes":[]}', ofAll: true }
  parentPort?.postMessage({ answer, spentMs: 1 })
})

function textOf(order: Order): string {
  if ('bytes' in order) return Buffer.from(order.bytes).toString('latin1')
  return 'text' in order.content ? order.content.text : ''
}
