import type { RateSeries } from '../load/fixed-rate.ts'
import type { Series } from '../load/measure.ts'
import { busyLimit } from '../load/measure.ts'
import type { Entry } from '../results.ts'
import type { Rig } from '../rig.ts'
import { readable } from './svg.ts'

/** The first column is text, all others numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n')
}

/** Each figure beside its peer's. */
export function entryTable(entries: readonly Entry[]): string {
  const rows = entries.map(({ name, unit, value, peer, peerValue, ratio, lowerBound, n }) => [
    `\`${name}\``,
    `${readable(value)} ${unit}`,
    peer === null || peerValue === null ? '' : `${peer}: ${readable(peerValue)}`,
    ratio === null ? '' : `${lowerBound ? '≥ ' : ''}${readable(ratio)}`,
    String(n),
  ])
  return table(['figure', 'ours', 'peer', 'ours / peer', 'runs'], rows)
}

/** Each contestant under each load. */
export function seriesTable(series: readonly Series[]): string {
  const rows = series.map(one => [
    one.load,
    one.contestant,
    readable(one.rps),
    readable(one.p50Ms),
    readable(one.p99Ms),
    readable(one.p999Ms),
    readable(one.rssMb),
    readable(one.rssOwnMb),
    `${Math.round(one.programBusy * 100)} %`,
    `${Math.round(one.loadBusy * 100)} %${one.loadBusy > busyLimit ? ' *' : ''}`,
  ])
  const head = [
    'load',
    'program',
    'req/s',
    'p50 ms',
    'p99 ms',
    'p99.9 ms',
    'RSS MB',
    'own MB',
    'its core busy',
    'load core busy',
  ]
  return table(head, rows)
}

export function rateTable(rates: readonly RateSeries[]): string {
  const rows = rates.map(({ contestant, rate, p50Ms, p99Ms, p999Ms }) => [
    contestant,
    readable(rate),
    readable(p50Ms),
    readable(p99Ms),
    readable(p999Ms),
  ])
  return table(['program', 'req/s', 'p50 ms', 'p99 ms', 'p99.9 ms'], rows)
}

/** One sentence on where and how the figures came about. */
export function rigSentence(rig: Rig): string {
  return `${placeOf(rig)}; ${rig.rounds} rounds of ${rig.secondsPerRun} s, medians.`
}

/** The same where a round takes as long as its work. */
export function machineSentence(rig: Rig): string {
  return `${placeOf(rig)}; ${rig.rounds === 1 ? 'one round' : `${rig.rounds} rounds`}.`
}

function placeOf(rig: Rig): string {
  const versions = Object.entries(rig.versions).map(([name, version]) => `${name} ${version}`)
  return `${rig.date.slice(0, 10)}: ${rig.cores} cores (${rig.cpu}), ${rig.memoryGb} GB, Linux ${rig.kernel}; ${versions.join(', ')}`
}
