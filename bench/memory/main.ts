import { runScript, say, step } from '../../test/cluster/progress.ts'
import { type Figure, writeFigures, writeResult } from '../results.ts'
import { describeRig } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { measureMemory, type Sizes } from './measure-memory.ts'

// Resident memory of operator, issuer and a guard as they ship, with so many AccessKeys of as many clients, all of whom may
// call the guard's service: as it grew, and after a start with all of them there. `node bench/memory/main.ts [keys …]`

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [0, 1_000, 10_000]

await runScript(async () => {
  const settings = readSettings(process.env)
  const rig = describeRig(settings, { node: process.version }, new Date())
  const sizes = await step('memory', () => measureMemory(counts, settings))
  for (const { keys, grown, started } of sizes)
    say(`  ${keys} keys: ${JSON.stringify(grown)}; ${JSON.stringify(started)}`)
  writeFigures('memory', 'memory', rig, figuresOf(sizes))
  writeResult('memory-series.json', { rig, sizes })
})

function figuresOf(sizes: readonly Sizes[]): Figure[] {
  const each = sizes.flatMap(({ keys, grown, started, node, samples }) =>
    (['operator', 'issuer', 'guard'] as const).flatMap((name): Figure[] => {
      const peer = { name: 'Node that does nothing', value: node }
      const figure = (suffix: string, value: number): Figure => {
        return { name: `${name}-rss-mb-${keys}${suffix}`, unit: 'MB', value, peer, n: samples }
      }
      return [figure('', grown[name]), figure('-after-start', started[name])]
    }),
  )
  const [least, most] = [sizes[0], sizes.at(-1)]
  if (!least || !most || least === most) return each
  const perKey = (name: 'operator' | 'issuer' | 'guard'): Figure => {
    const kilobytes = ((most.started[name] - least.started[name]) * 1_000) / (most.keys - least.keys)
    return { name: `${name}-kb-per-key`, unit: 'KB', value: kilobytes, n: 1 }
  }
  return [...each, perKey('operator'), perKey('issuer'), perKey('guard')]
}
