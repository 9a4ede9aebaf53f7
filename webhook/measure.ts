import { Counter, Histogram } from 'prom-client'
import type { AdmissionQuestion } from '../core/api/admission-path.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Decide } from './admission/endpoint.ts'

/** Wraps what answers reviews so that answers are counted and timed. Labels: our two questions, three results. */
export function measured(
  metrics: Metrics | undefined,
  routes: Readonly<Record<AdmissionQuestion, Decide>>,
): typeof routes {
  if (!metrics) return routes
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
    help: 'Time of one admission review.',
    labelNames: ['webhook'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 2.5, 5],
  })
  const one = (webhook: string, decide: Decide): Decide => {
    return async review => {
      const end = seconds.startTimer({ webhook })
      let result = 'failed'
      try {
        const verdict = await decide(review)
        result = verdict.allowed ? 'allowed' : 'refused'
        return verdict
      } finally {
        end()
        reviews.inc({ webhook, result })
      }
    }
  }
  // As the paths began when they had no random part: what is counted under goes on.
  return { validate: one('/validate', routes.validate), mutate: one('/mutate', routes.mutate) }
}
