import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { DocumentContent } from '../../core/registry/openapi-document.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'

export interface ReadingOrder {
  readonly content: DocumentContent
  /** Name of the GuardedService: scopes without a colon are actions on it. */
  readonly service: string
}

export interface ReadingAnswer {
  /** A DocumentReading as canonical JSON. */
  readonly reading: string
  /** The name played no part: services of other names would get the same. */
  readonly ofAll: boolean
  /** Processor time. */
  readonly spentMs: number
}

/** Reads documents one after the other, away from the thread that everything else runs on. */
export interface ReadingThread {
  /** @throws Error when the thread died for reasons of its own; a document that kills it is answered with a fault */
  read(order: ReadingOrder): Promise<ReadingAnswer>
  stop(): void
}

export interface ReadingThreadOptions {
  /** Processor time for one document, a last resort: sizes are what bounds the work. */
  budgetMs?: number
  /** How often a running document is looked at. */
  lookMs?: number
  /** After so long without work the thread ends, and its memory is free. */
  idleMs?: number
  /** What 2 MiB of YAML need while they are a tree. The chart's memory limits count on it. */
  heapMb?: number
  file?: string
  clock?: Clock
}

interface Job extends PromiseWithResolvers<ReadingAnswer> {
  readonly order: ReadingOrder
}

export function createReadingThread(options: ReadingThreadOptions = {}): ReadingThread {
  const { budgetMs = 30_000, lookMs = 1_000, idleMs = 60_000, heapMb = 256 } = options
  const { file = workerFile(), clock = systemClock } = options
  const resourceLimits = { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 16 }
  const waiting: Job[] = []
  let worker: Worker | undefined
  let job: Job | undefined
  let cancel = (): void => {}
  /** What the thread has spent before the running job. */
  let spentMs = 0

  function next(): void {
    if (job) return
    cancel()
    job = waiting.shift()
    if (!job) {
      cancel = clock.after(idleMs, end)
      return
    }
    worker ??= start()
    worker.postMessage(job.order)
    watch(worker, job)
  }

  function start(): Worker {
    spentMs = 0
    const made = new Worker(file, { resourceLimits, execArgv: [] })
    // It holds nothing that a stop would have to wait for.
    made.unref()
    made.on('message', (answer: ReadingAnswer) => {
      spentMs += answer.spentMs
      finish(answer)
    })
    made.on('error', error => {
      if (made !== worker) return
      if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') tooCostly(budgetMs)
      else fail(error as Error)
    })
    made.on('exit', () => {
      if (made === worker) fail(new Error('the thread that reads documents ended'))
    })
    return made
  }

  function finish(answer: ReadingAnswer): void {
    const done = job
    job = undefined
    done?.resolve(answer)
    next()
  }

  function fail(error: Error): void {
    const failed = job
    worker = undefined
    job = undefined
    failed?.reject(error)
    next()
  }

  /** Ends the thread: nothing else stops what runs there. */
  function tooCostly(spentMs: number): void {
    end()
    const fault = { reason: 'OpenApiInvalid', message: 'The document is too costly to read. Simplify or split it.' }
    finish({ reading: JSON.stringify({ fault }), ofAll: true, spentMs })
  }

  function end(): void {
    cancel()
    const ended = worker
    worker = undefined
    void ended?.terminate()
  }

  // By the thread's own processor time: on a busy machine a document takes longer and costs the same.
  function watch(thread: Worker, watched: Job): void {
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
    read(order) {
      const made: Job = { order, ...Promise.withResolvers<ReadingAnswer>() }
      waiting.push(made)
      next()
      return made.promise
    },
    stop() {
      for (const one of waiting.splice(0)) one.reject(new Error('stopped'))
      end()
      fail(new Error('stopped'))
      cancel()
    },
  }
}

/** Beside the bundle that this is a part of; in a checkout its source. */
function workerFile(): string {
  const bundles = ['./openapi.mjs', '../openapi.mjs'].map(path => fileURLToPath(new URL(path, import.meta.url)))
  return bundles.find(path => existsSync(path)) ?? fileURLToPath(new URL('./worker.ts', import.meta.url))
}
