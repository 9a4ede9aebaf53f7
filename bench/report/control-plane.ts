import type { Entry } from '../results.ts'
import type { Rig } from '../rig.ts'
import { quantile } from '../statistics.ts'
import { barChart } from './bars.ts'
import { lineChart } from './lines.ts'
import { entryTable, machineSentence, table } from './tables.ts'

/** A part of the page, and the drawings that it shows. */
export interface Section {
  readonly text: string
  readonly plots: Readonly<Record<string, string>>
}

type Picture = (name: string) => string

/** What bench-reconcile keeps beside its figures. */
export interface KeptReconcile {
  readonly rig: Rig
  readonly counts: readonly {
    readonly keys: number
    readonly rounds: readonly {
      readonly rawPerSecond: number
      readonly ours: {
        readonly writesPerSecond: number
        readonly answered: readonly { readonly what: string; readonly count: number }[]
      }
    }[]
  }[]
}

/** Rates of each round, and what was asked of the API server in the last one. */
export function reconcileSection(kept: KeptReconcile, entries: readonly Entry[], picture: Picture): Section {
  const groups = kept.counts.map(({ keys, rounds }) => ({
    name: `${keys.toLocaleString('en-US')} AccessKeys`,
    bars: rounds.flatMap(({ rawPerSecond, ours }, at) => [
      { label: `operator, round ${at + 1}`, value: ours.writesPerSecond, ours: true },
      { label: `bare creates, round ${at + 1}`, value: rawPerSecond },
    ]),
  }))
  const last = kept.counts.at(-1)
  const answered = last?.rounds.at(-1)?.ours.answered ?? []
  const calls = answered
    .map(({ what, count }) => [`\`${what}\``, (count / (last?.keys ?? 1)).toFixed(2)])
    .filter(([, count]) => count !== '0.00')
  return {
    plots: { 'reconcile-rates': barChart('Writes a second, beside bare writes', 'writes/s', groups) },
    text: [
      machineSentence(kept.rig),
      picture('reconcile-rates'),
      entryTable(entries),
      'What the API server was asked, of all that use it, for each AccessKey and its client:',
      table(['request', 'a key'], calls),
    ].join('\n\n'),
  }
}

/** What bench-propagation keeps beside its figures. */
export interface KeptPropagation {
  readonly rig: Rig
  readonly issuerCount: number
  readonly stormPerSecond: number
  readonly times: Readonly<Record<string, readonly { readonly ms: number }[]>>
  readonly openStreams: readonly number[]
}

const percentiles = { p50: 0.5, p90: 0.9, p99: 0.99, max: 1 }
const titles: Readonly<Record<string, string>> = {
  change: 'a changed role',
  revocation: 'a revoked key',
  peer: '1,000 watches of the API server',
}

/** Percentiles of what waited, in peace and under the storm. */
export function propagationSection(kept: KeptPropagation, entries: readonly Entry[], picture: Picture): Section {
  const rows = Object.entries(kept.times).map(([turn, waited]) => {
    const times: readonly number[] = waited.map(({ ms }) => ms)
    const [kind = '', storm] = turn.split('-')
    return { what: `${titles[kind] ?? kind}${storm ? ', under the storm' : ''}`, times, isOurs: kind !== 'peer' }
  })
  rows.push({ what: 'an open stream of a revoked client, its end', times: kept.openStreams, isOurs: true })
  const groups = Object.entries({ p50: 0.5, p99: 0.99 }).map(([name, q]) => ({
    name,
    bars: rows.map(({ what, times, isOurs }) => ({ label: what, value: quantile(times, q), ours: isOurs })),
  }))
  const cells = rows.map(({ what, times }) => [
    what,
    ...Object.values(percentiles).map(q => quantile(times, q).toFixed(0)),
    String(times.length),
  ])
  const storm = `The storm: ${Math.round(kept.stormPerSecond)} changes a second of other Roles were acknowledged. Issuers: ${kept.issuerCount}.`
  return {
    plots: { propagation: barChart('From the acknowledged write to the last of 1,000', 'ms', groups) },
    text: [
      machineSentence(kept.rig),
      picture('propagation'),
      table(['ms from the acknowledged write', ...Object.keys(percentiles), 'samples'], cells),
      storm,
      entryTable(entries),
    ].join('\n\n'),
  }
}

/** What bench-memory keeps beside its figures. */
export interface KeptMemory {
  readonly rig: Rig
  readonly sizes: readonly {
    readonly keys: number
    readonly grown: Readonly<Record<Process, number>>
    readonly started: Readonly<Record<Process, number>>
  }[]
}

const processes = ['operator', 'issuer', 'guard'] as const
type Process = (typeof processes)[number]

/** Memory by number of keys. */
export function memorySection({ rig, sizes }: KeptMemory, entries: readonly Entry[], picture: Picture): Section {
  const lines = processes.map(label => ({
    label,
    points: sizes.map(({ keys, grown }) => ({ x: keys, y: grown[label] })),
  }))
  const rows = sizes.map(({ keys, grown, started }) => [
    keys.toLocaleString('en-US'),
    ...processes.flatMap(name => [grown[name].toFixed(0), started[name].toFixed(0)]),
  ])
  const head = ['AccessKeys', ...processes.flatMap(name => [`${name}, grown`, 'after a start'])]
  return {
    plots: { 'control-plane-memory': lineChart('Resident memory by AccessKeys', { x: 'AccessKeys', y: 'MB' }, lines) },
    text: [
      machineSentence(rig),
      picture('control-plane-memory'),
      table(head, rows),
      entryTable(entries.filter(({ name }) => !/-rss-mb-\d+/.test(name))),
    ].join('\n\n'),
  }
}
