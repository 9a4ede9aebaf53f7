import { type Transferable, Worker } from 'node:worker_threads'
import { type Clock, systemClock } from '../clock.ts'
import { createPeerLine, type LineBounds } from '../fair/peer-line.ts'
import type { Told } from './answer-orders.ts'

/** Does orders one after the other, away from the thread that everything else runs on. */
export interface Thread<Order, Answer> {
  /**
   * @param asker those who ask take turns
   * @param transfer what of the order is moved there and no longer here, once its turn has come
   * @throws Error when the thread was stopped
   */
  ask(order: Order, asker?: string, transfer?: readonly Transferable[]): Promise<Outcome<Answer>>
  /** For good. */
  stop(): void
}

export type Outcome<Answer> =
  /** `spentMs`: processor time. */
  { readonly answer: Answer; readonly spentMs: number } | Lost

/** An order of which nothing came. */
export type Lost =
  /** It took more time or memory than an order may, and would again. */
  | { readonly lost: 'too_costly'; readonly spentMs: number }
  /** Too much waits, or others of which less waits needed its place. */
  | { readonly lost: 'refused' }
  /** The thread ended under it, for reasons of its own; the next order gets another one. */
  | { readonly lost: 'died'; readonly error: Error }

export interface ThreadOptions {
  /** What it answers with: a module that calls `answerOrders`. */
  readonly file: string
  /** What the module finds as `workerData`. */
  readonly data?: unknown
  /** Processor time for one order, a last resort: sizes are what bounds the work. */
  readonly budgetMs: number
  /** How often a running order is looked at. */
  readonly lookMs?: number
  /** After so long without work the thread ends, and its memory is free. */
  readonly idleMs?: number
  /** The chart's memory limits count on it. */
  readonly heapMb: number
  readonly youngMb?: number
  /** Orders that may wait. */
  readonly bounds: LineBounds
  readonly clock?: Clock
}

interface Job<Order, Answer> extends PromiseWithResolvers<Outcome<Answer>> {
  readonly order: Order
  readonly transfer: readonly Transferable[]
}

export function createThread<Order, Answer>(options: ThreadOptions): Thread<Order, Answer> {
  const { file, data, budgetMs, lookMs = 1_000, idleMs = 60_000, heapMb, youngMb = 16, clock = systemClock } = options
  const resourceLimits = { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: youngMb }
  const waiting = createPeerLine<Job<Order, Answer>>(options.bounds)
  let worker: Worker | undefined
  let job: Job<Order, Answer> | undefined
  let cancel = (): void => {}
  let isStopped = false
  /** What the thread has spent before the running job. */
  let spentMs = 0

  function next(): void {
    if (job) return
    cancel()
    job = waiting.take()
    if (!job) {
      cancel = clock.after(idleMs, end)
      return
    }
    worker ??= start()
    worker.postMessage(job.order, job.transfer)
    watch(worker, job)
  }

  function start(): Worker {
    spentMs = 0
    const made = new Worker(file, { resourceLimits, execArgv: [], workerData: data })
    // It holds nothing that a stop would have to wait for.
    made.unref()
    made.on('message', (told: Told<Answer>) => {
      // What one said that was ended meanwhile is of no order that runs now.
      if (made !== worker) return
      spentMs = told.totalMs
      finish({ answer: told.answer, spentMs: told.spentMs })
    })
    made.on('error', error => {
      if (made !== worker) return
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') tooCostly(budgetMs)
      else died(error as Error)
    })
    made.on('exit', () => {
      if (made === worker) died(new Error('the thread ended'))
    })
    return made
  }

  function finish(outcome: Outcome<Answer>): void {
    const done = job
    job = undefined
    done?.resolve(outcome)
    next()
  }

  function died(error: Error): void {
    worker = undefined
    finish({ lost: 'died', error })
  }

  /** Ends the thread: nothing else stops what runs there. */
  function tooCostly(ownMs: number): void {
    end()
    finish({ lost: 'too_costly', spentMs: ownMs })
  }

  function end(): void {
    cancel()
    const ended = worker
    worker = undefined
    void ended?.terminate()
  }

  // By the thread's own processor time: on a busy machine an order takes longer and costs the same.
  function watch(thread: Worker, watched: Job<Order, Answer>): void {
    const judge = ({ user, system }: NodeJS.CpuUsage): void => {
      const ownMs = (user + system) / 1_000 - spentMs
      if (job === watched && thread === worker && ownMs > budgetMs) tooCostly(ownMs)
    }
    cancel = clock.after(lookMs, () => {
      watch(thread, watched)
      // What is asked of a thread that only starts is never answered: the next look asks again.
      thread.cpuUsage().then(judge, () => {})
    })
  }

  return {
    ask(order, asker = '', transfer = []) {
      if (isStopped) return Promise.reject(new Error('stopped'))
      const made: Job<Order, Answer> = { order, transfer, ...Promise.withResolvers<Outcome<Answer>>() }
      const place = waiting.put(asker, made)
      if (place === 'refused') return Promise.resolve({ lost: 'refused' })
      place.shed?.resolve({ lost: 'refused' })
      next()
      return made.promise
    },
    stop() {
      isStopped = true
      end()
      const stopped = new Error('stopped')
      for (let one = job ?? waiting.take(); one; one = waiting.take()) one.reject(stopped)
      job = undefined
    },
  }
}
