import { parentPort } from 'node:worker_threads'

/** What the thread tells of an order that it has done. */
export interface Told<Answer> {
  readonly answer: Answer
  /** Processor time of the order. */
  readonly spentMs: number
  /** Of the thread since its start, with all that it does between orders. */
  readonly totalMs: number
}

/** The other side of `createThread`: called once, in the module that a thread was made of. */
export function answerOrders<Order, Answer>(answerOf: (order: Order) => Answer): void {
  parentPort?.on('message', (order: Order) => {
    const before = process.threadCpuUsage()
    const answer = answerOf(order)
    const after = process.threadCpuUsage()
    const msOf = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1_000
    const told: Told<Answer> = { answer, spentMs: msOf(after) - msOf(before), totalMs: msOf(after) }
    parentPort?.postMessage(told)
  })
}
