import { Counter, type Metric, type Registry } from 'prom-client'
import { type Reason, reasons } from '../../core/base/reasons.ts'

/** Counts decisions and their times. Numbers in arrays: what is counted on every call makes no objects and no labels. */
export interface DecisionCounters {
  decided(decision: 'allow' | 'deny', reason: string, seconds: number, status: number | undefined): void
}

const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** By the first digit of the status. */
const classes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx']
const names = Object.keys(reasons) as Reason[]
const places: ReadonlyMap<string, number> = new Map(names.map((name, at) => [name, at]))

/** The series are made when somebody asks for them. */
export function countDecisions(registry: Registry): DecisionCounters {
  const allowed = new Float64Array(names.length)
  const denied = new Float64Array(names.length)
  const width = buckets.length + 1
  const counts = new Float64Array(classes.length * width)
  const sums = new Float64Array(classes.length)

  new Counter({
    registers: [registry],
    name: 'latchkey_guard_decisions_total',
    help: 'Decisions, by decision and reason.',
    labelNames: ['decision', 'reason'],
    collect() {
      this.reset()
      names.forEach((reason, at) => {
        if (allowed[at]) this.inc({ decision: 'allow', reason }, allowed[at])
        if (denied[at]) this.inc({ decision: 'deny', reason }, denied[at])
      })
    },
  })
  registry.registerMetric(histogramOf(counts, sums))

  return {
    decided(decision, reason, seconds, status) {
      const place = places.get(reason)
      if (place !== undefined) add(decision === 'allow' ? allowed : denied, place, 1)
      const group = status === undefined ? 0 : Math.min(5, Math.trunc(status / 100))
      let bucket = 0
      while (bucket < buckets.length && seconds > (buckets[bucket] as number)) bucket++
      add(counts, group * width + bucket, 1)
      add(sums, group, seconds)
    },
  }
}

function add(numbers: Float64Array, at: number, amount: number): void {
  numbers[at] = (numbers[at] as number) + amount
}

interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

function histogramOf(counts: Float64Array, sums: Float64Array): Metric {
  const name = 'latchkey_guard_request_duration_seconds'
  const help = 'Time until the head of the answer, by class of its status.'
  const get = async () => ({
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: classes.flatMap((status, group) => samplesOf(name, status, group, counts, sums)),
  })
  // The registry asks a metric for its name and its samples only.
  return { name, help, get, reset() {} } as unknown as Metric
}

function samplesOf(name: string, status: string, group: number, counts: Float64Array, sums: Float64Array): Sample[] {
  const first = group * (buckets.length + 1)
  let total = 0
  const samples = [...buckets, '+Inf'].map((le, at): Sample => {
    total += counts[first + at] as number
    return { metricName: `${name}_bucket`, labels: { le, status }, value: total }
  })
  if (total === 0) return []
  const labels = { status }
  return [
    ...samples,
    { metricName: `${name}_sum`, labels, value: sums[group] as number },
    { metricName: `${name}_count`, labels, value: total },
  ]
}
