import { Counter, Histogram } from 'prom-client'
import type { Metrics } from '../platform/metrics.ts'
import type { PathQuestion } from './admission/known-paths.ts'

/** Called when a body was read. @returns to be called with what came of it; not for what was no review */
export type BeginReview = () => (question: PathQuestion, result: 'allowed' | 'refused' | 'failed') => void

/** Counts and times reviews. Labels: our two questions, three results. */
export function countReviews(metrics: Metrics | undefined): BeginReview {
  if (!metrics) return () => () => {}
  const at = { registers: [metrics.registry] }
  const reviews = new Counter({
    ...at,
    name: 'latchkey_admission_reviews_total',
    help: 'Admission reviews, by path and result: allowed, refused, failed.',
    labelNames: ['webhook', 'result'],
  })
  const seconds = new Histogram({
    ...at,
    name: 'controller_runtime_webhook_latency_seconds',
    help: 'Time of one admission review, from the moment when its body was read.',
    labelNames: ['webhook'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5],
  })
  return () => {
    const end = seconds.startTimer()
    return (question, result) => {
      // As the paths began when they had no random part: what is counted under goes on.
      const webhook = question === 'mutate' ? '/mutate' : '/validate'
      end({ webhook })
      reviews.inc({ webhook, result })
    }
  }
}
