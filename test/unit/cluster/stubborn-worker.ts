import { parentPort } from 'node:worker_threads'
import type { ReadingOrder } from '../../../cluster/openapi/reading-thread.ts'

// Does what no document should be able to make the real one do.
parentPort?.on('message', ({ content }: ReadingOrder) => {
  const text = 'text' in content ? content.text : ''
  if (text === 'loop') for (;;);
  if (text === 'exit') process.exit(3)
  if (text === 'throw') throw new Error('of its own')
  if (text === 'memory') for (const held: string[][] = []; ; ) held.push(Array.from({ length: 10_000 }, String))
  parentPort?.postMessage({ reading: '{"routes":[]}', ofAll: true, spentMs: 1 })
})
