import { workerData } from 'node:worker_threads'
import { answerOrders } from '../../platform/thread/answer-orders.ts'
import type { InjectionSettings } from '../injection/guard-container.ts'
import { examineReview } from './examine-review.ts'
import type { ExaminerOrder } from './examiner.ts'

// Started by examiner.ts: a body in, what can be said of it without asking anybody out.
const settings = workerData as InjectionSettings

answerOrders(({ bytes, ...circumstances }: ExaminerOrder) =>
  examineReview(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), circumstances, settings),
)
