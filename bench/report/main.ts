import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../../test/cluster/binaries.ts'
import { run } from '../../test/cluster/command.ts'
import { runScript, say } from '../../test/cluster/progress.ts'
import type { Soak } from '../guard/soak.ts'
import type { RateSeries } from '../load/fixed-rate.ts'
import type { Series } from '../load/measure.ts'
import { type Entry, readResult, resultsDirectory } from '../results.ts'
import type { Rig } from '../rig.ts'
import {
  type KeptMemory,
  type KeptPropagation,
  type KeptReconcile,
  memorySection,
  propagationSection,
  reconcileSection,
  type Section,
} from './control-plane.ts'
import { fillMarker } from './markers.ts'
import { latencyPlot, policyPlot, ratePlot, soakPlot } from './plots.ts'
import { entryTable, rateTable, rigSentence, seriesTable } from './tables.ts'

const page = join(repositoryRoot, 'docs/performance.md')
const folder = join(repositoryRoot, 'docs/performance')

const captions: Readonly<Record<string, string>> = {
  'guard-rates': 'Requests per second of the guard and its peers',
  'guard-latency': 'Latency percentiles at a fixed rate',
  'guard-policies': 'Requests per second by number of policies',
  'guard-soak': 'Resident memory over time',
  'extauthz-rates': 'Requests per second with an external authorizer',
  'reconcile-rates': 'Writes per second of the operator, and bare ones',
  propagation: 'Milliseconds from a write to the last guard',
  'control-plane-memory': 'Resident memory by number of AccessKeys',
}

/** What a bench keeps of its runs, beside its figures. */
interface Kept {
  readonly rig: Rig
  readonly series: readonly Series[]
  readonly rates?: readonly RateSeries[]
  readonly soak?: Soak
}

await runScript(async () => {
  const entries = (file: string, bench: string): readonly Entry[] =>
    (readResult<Entry[]>(`${file}.json`) ?? []).filter(entry => entry.bench === bench)
  const sections: Record<string, string> = {}
  const plots: Record<string, string> = {}
  addGuard(sections, plots, [...entries('guard', 'guard'), ...entries('memory', 'guard')])
  addExtauthz(sections, plots, entries('guard', 'extauthz'))
  const decide = entries('decide', 'decide')
  if (decide[0]) sections.decide = `${rigSentence(decide[0].rig)}\n\n${entryTable(decide)}`
  const policy = readResult<Kept>('policy-series.json')
  if (policy) {
    const tables = [entryTable(entries('policy', 'policy')), seriesTable(policy.series)]
    sections.policy = `${rigSentence(policy.rig)}\n\n${tables.join('\n\n')}`
  }
  const add = (name: string, section: Section): void => {
    sections[name] = section.text
    Object.assign(plots, section.plots)
  }
  const reconcile = readResult<KeptReconcile>('reconcile-series.json')
  if (reconcile) add('reconcile', reconcileSection(reconcile, entries('reconcile', 'reconcile'), pictured))
  const propagation = readResult<KeptPropagation>('propagation-series.json')
  if (propagation) add('propagation', propagationSection(propagation, entries('propagation', 'propagation'), pictured))
  const memory = readResult<KeptMemory>('memory-series.json')
  if (memory) {
    const figures = [...entries('memory', 'memory'), ...entries('memory', 'propagation')]
    add('memory', memorySection(memory, figures, pictured))
  }
  if (Object.keys(sections).length === 0) throw new Error('there are no results: run a bench first')
  mkdirSync(folder, { recursive: true })
  for (const [name, plot] of Object.entries(plots)) writeFileSync(join(folder, `${name}.svg`), plot)
  const filled = Object.entries(sections).reduce(
    (text, [name, content]) => fillMarker(text, name, content),
    readFileSync(page, 'utf8'),
  )
  writeFileSync(page, filled)
  say(`  docs/performance.md: ${Object.keys(sections).join(', ')}; a copy of the results in ${await copyResults()}`)
})

function addGuard(sections: Record<string, string>, plots: Record<string, string>, entries: readonly Entry[]): void {
  const kept = readResult<Kept>('guard-series.json')
  if (!kept) return
  const { rig, series, rates = [], soak } = kept
  plots['guard-rates'] = ratePlot('A 100-byte answer, 32 connections, one core', series, '100b-32')
  if (rates[0]) plots['guard-latency'] = latencyPlot(`Latency at ${rates[0].rate} requests per second`, rates)
  if (series.some(({ load }) => load === 'policies')) plots['guard-policies'] = policyPlot(series)
  if (soak) plots['guard-soak'] = soakPlot(soak)
  const tables = [entryTable(entries), '### Every load', seriesTable(series), '### At a fixed rate', rateTable(rates)]
  sections.guard = [rigSentence(rig), ...Object.keys(plots).map(pictured), ...tables].join('\n\n')
}

function addExtauthz(sections: Record<string, string>, plots: Record<string, string>, entries: readonly Entry[]): void {
  const kept = readResult<Kept>('extauthz-series.json')
  if (!kept) return
  const title = 'Proxies that ask an authorizer, and those that do not'
  plots['extauthz-rates'] = ratePlot(title, kept.series, '100b-32')
  const tables = [entryTable(entries), seriesTable(kept.series), rateTable(kept.rates ?? [])]
  sections.extauthz = [rigSentence(kept.rig), pictured('extauthz-rates'), ...tables].join('\n\n')
}

function pictured(name: string): string {
  return `![${captions[name] ?? name}](performance/${name}.svg)`
}

/** Formatted as all JSON of the checkout. @returns the folder, named by the day of the newest run */
async function copyResults(): Promise<string> {
  const files = readdirSync(resultsDirectory).filter(name => name.endsWith('.json'))
  const dates = files.flatMap(name => {
    const content = readResult<Entry[] | Kept>(name)
    return Array.isArray(content) ? content.map(({ rig }) => rig.date) : content ? [content.rig.date] : []
  })
  const day = (dates.sort().at(-1) ?? '').slice(0, 10)
  const target = join(folder, day)
  mkdirSync(target, { recursive: true })
  for (const name of files) copyFileSync(join(resultsDirectory, name), join(target, name))
  await run('biome', ['format', '--write', target])
  return `docs/performance/${day}`
}
