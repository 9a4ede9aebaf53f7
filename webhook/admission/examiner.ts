import { createThread, type Lost, type Thread } from '../../platform/thread/thread.ts'
import { workerFile } from '../../platform/thread/worker-file.ts'
import type { InjectionSettings } from '../injection/guard-container.ts'
import { type Circumstances, type Examined, examineReview } from './examine-review.ts'

/** A body too long for the main thread, which is moved and not copied. */
export interface ExaminerOrder extends Circumstances {
  readonly bytes: Uint8Array<ArrayBuffer>
}

/** Examines bodies, the long ones away from the main thread. */
export interface Examiner {
  /**
   * @param body is used up
   * @param asker those that wait take turns: a namespace, or an address
   * @throws Error when it was stopped
   */
  examine(body: Buffer<ArrayBuffer>, circumstances: Circumstances, asker: string): Promise<Examined | Lost>
  stop(): void
}

/** What is shorter takes the main thread 10 ms at most. */
export const longestOnMainBytes = 65_536

const threadOptions = {
  // What is read within the API server's patience of 5 s: the longest body takes a fraction of a second.
  bounds: { perPeer: 16, sum: 32 },
  budgetMs: 5_000,
  // What the longest body needs while it is a tree and is checked, three times over.
  heapMb: 96,
}

export function createExaminer(
  settings: InjectionSettings,
  file: string = workerFile('admission', import.meta.url),
): Examiner {
  const thread: Thread<ExaminerOrder, Examined> = createThread({ ...threadOptions, file, data: settings })
  return {
    async examine(body, circumstances, asker) {
      if (body.length <= longestOnMainBytes) return examineReview(body, circumstances, settings)
      const bytes = new Uint8Array(body.buffer, body.byteOffset, body.length)
      const outcome = await thread.ask({ ...circumstances, bytes }, asker, [bytes.buffer])
      return 'answer' in outcome ? outcome.answer : outcome
    },
    stop: thread.stop,
  }
}
