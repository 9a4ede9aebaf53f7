import type { DocumentContent } from '../../core/registry/openapi-document.ts'
import type { Clock } from '../../platform/clock.ts'
import { createThread } from '../../platform/thread/thread.ts'
import { workerFile } from '../../platform/thread/worker-file.ts'

export interface ReadingOrder {
  readonly content: DocumentContent
  /** Name of the GuardedService: scopes without a colon are actions on it. */
  readonly service: string
}

/** What the thread says. */
export interface Read {
  /** A DocumentReading as canonical JSON. */
  readonly reading: string
  /** The name played no part: services of other names would get the same. */
  readonly ofAll: boolean
}

export interface ReadingAnswer extends Read {
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
  lookMs?: number
  /** What 2 MiB of YAML need while they are a tree. The chart's memory limits count on it. */
  heapMb?: number
  file?: string
  clock?: Clock
}

/** More than will ever wait: whoever asks for documents has few of them under way. */
const bounds = { perPeer: 64, sum: 64 }
const fault = { reason: 'OpenApiInvalid', message: 'The document is too costly to read. Simplify or split it.' }

export function createReadingThread(options: ReadingThreadOptions = {}): ReadingThread {
  const { budgetMs = 30_000, heapMb = 256, file = workerFile('openapi', import.meta.url) } = options
  const thread = createThread<ReadingOrder, Read>({ ...options, file, budgetMs, heapMb, bounds })
  return {
    async read(order) {
      const outcome = await thread.ask(order)
      if ('answer' in outcome) return { ...outcome.answer, spentMs: outcome.spentMs }
      if (outcome.lost === 'too_costly') {
        return { reading: JSON.stringify({ fault }), ofAll: true, spentMs: outcome.spentMs }
      }
      if (outcome.lost === 'died') throw outcome.error
      throw new Error('too many documents wait to be read')
    },
    stop: thread.stop,
  }
}
