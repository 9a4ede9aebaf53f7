import type { Soak } from '../guard/soak.ts'
import type { RateSeries } from '../load/fixed-rate.ts'
import type { Series } from '../load/measure.ts'
import { barChart } from './bars.ts'
import { lineChart } from './lines.ts'

const isOurs = (contestant: string): boolean => /latchkey|ext-authz|auth-request|check/.test(contestant)

/** Requests per second of all contestants under one load, the fastest first. */
export function ratePlot(title: string, series: readonly Series[], load: string): string {
  const bars = series
    .filter(one => one.load === load && one.contestant !== 'origin')
    .sort((a, b) => b.rps - a.rps)
    .map(({ contestant, rps }) => ({ label: contestant, value: rps, ours: isOurs(contestant) }))
  return barChart(title, 'requests/s', [{ name: '', bars }])
}

/** Percentiles at one rate. */
export function latencyPlot(title: string, rates: readonly RateSeries[]): string {
  const percentiles = { p50: 'p50Ms', p99: 'p99Ms', 'p99.9': 'p999Ms' } as const
  const groups = Object.entries(percentiles).map(([name, key]) => ({
    name,
    bars: rates.map(one => ({ label: one.contestant, value: one[key], ours: isOurs(one.contestant) })),
  }))
  return barChart(title, 'ms', groups)
}

/** Requests per second by the number of policies, which ends the name of each contestant. */
export function policyPlot(series: readonly Series[]): string {
  const measured = series.filter(({ load }) => load === 'policies')
  const countOf = (contestant: string): number => Number(/-(\d+)$/.exec(contestant)?.[1])
  const groups = Map.groupBy(measured, ({ contestant }) => contestant.replace(/-\d+$/, ''))
  const lines = [...groups].map(([label, ones]) => ({
    label,
    points: ones.map(one => ({ x: countOf(one.contestant), y: one.rps })).sort((a, b) => a.x - b.x),
  }))
  return lineChart(
    'Requests per second by number of policies',
    { x: 'policies', y: 'requests/s', logarithmic: true },
    lines,
  )
}

/** Resident memory under load over time. */
export function soakPlot({ samples, minutes }: Soak): string {
  const points = samples.map(({ seconds, mb }) => ({ x: seconds / 60, y: mb }))
  return lineChart(`Resident memory under full load for ${minutes} minutes`, { x: 'minutes', y: 'MB' }, [
    { label: 'latchkey', points },
  ])
}
