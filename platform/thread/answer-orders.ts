import { parentPort } from 'node:worker_threads'

/** What the thread tells of an order that it has done. */
export interface Told<Answer> {
  readonly answer: Answer
  /** Processor time. */
  readonly spentMs: number
}

/** The other side of `createThread`: called once, in the module that a thread was made of. */
export function answerOrders<Order, Answer>(answerOf: (order: Order) => Answer): void {
  parentPort?.on('message', (order: Order) => {
    const before = process.threadCpuUsage()
    const answer = answerOf(order)
    const { user, system } = process.threadCpuUsage(before)
    const told: Told<Answer> = { answer, spentMs: (user + system) / 1_000 }
    parentPort?.postMessage(told)
  })
}
