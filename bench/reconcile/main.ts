import { runScript, say, step } from '../../test/cluster/progress.ts'
import { onPlane } from '../control-plane/plane.ts'
import { type Figure, writeFigures, writeResult } from '../results.ts'
import { describeRig } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { middle } from '../statistics.ts'
import { reconcileKeys } from './reconcile-keys.ts'
import { writeTheSame } from './same-writes.ts'
import { writeSecrets } from './write-secrets.ts'

// How fast the operator that ships brings AccessKeys to Active, beside how fast the same API server takes Secrets, and the
// very writes that a key needs, from the same client with nothing between. Each round has a control plane of its own, empty at its start.
// `node bench/reconcile/main.ts [keys …]`

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [1_000, 10_000]

await runScript(async () => {
  const settings = readSettings(process.env)
  const rig = describeRig(settings, { node: process.version }, new Date())
  const kept: object[] = []
  const figures: Figure[] = []
  for (const keys of counts) {
    const rounds: Round[] = []
    for (let at = 0; at < settings.rounds; at++) rounds.push(await step(`${keys} keys, ${at + 1}`, () => measure(keys)))
    kept.push({ keys, rounds })
    figures.push(...figuresOf(keys, rounds))
  }
  // Names without a number say it of the most keys.
  const largest = `-${counts.at(-1)}`
  const plain = figures
    .filter(({ name }) => name.endsWith(largest))
    .map(one => ({ ...one, name: one.name.slice(0, -largest.length) }))
  writeFigures('reconcile', 'reconcile', rig, [...plain, ...figures])
  writeResult('reconcile-series.json', { rig, counts: kept })
})

interface Round {
  readonly rawPerSecond: number
  readonly samePerSecond: number
  readonly ours: Awaited<ReturnType<typeof reconcileKeys>>
}

function measure(keys: number): Promise<Round> {
  return onPlane(async plane => {
    const before = await writeSecrets(plane.client, 'before', keys / 2)
    const ours = await reconcileKeys(plane, keys)
    const after = await writeSecrets(plane.client, 'after', keys / 2)
    const samePerSecond = await writeTheSame(plane.client, 'same', keys / 2)
    const rawPerSecond = (before + after) / 2
    const { writesPerSecond, keysPerSecond, writesPerKey, callsPerKey } = ours
    say(
      `  ${writesPerSecond.toFixed(0)} writes/s, ${keysPerSecond.toFixed(0)} keys/s; raw ${before.toFixed(0)} before, ${after.toFixed(0)} after, the same writes ${samePerSecond.toFixed(0)}; ${writesPerKey.toFixed(2)} writes and ${callsPerKey.toFixed(2)} calls a key`,
    )
    return { rawPerSecond, samePerSecond, ours }
  })
}

function figuresOf(keys: number, rounds: readonly Round[]): Figure[] {
  const n = rounds.length
  const peer = { name: 'Secret creates, 64 in flight', value: middle(rounds, one => one.rawPerSecond) }
  const same = { name: 'the same writes, 64 keys in flight', value: middle(rounds, one => one.samePerSecond) }
  const value = (of: (ours: Round['ours']) => number): number => middle(rounds, one => of(one.ours))
  const name = (text: string): string => `${text}-${keys}`
  return [
    { name: name('accesskeys-vs-raw-writes'), unit: 'writes/s', value: value(one => one.writesPerSecond), peer, n },
    {
      name: name('accesskeys-vs-same-writes'),
      unit: 'writes/s',
      value: value(one => one.writesPerSecond),
      peer: same,
      n,
    },
    { name: name('accesskeys-per-second'), unit: 'keys/s', value: value(one => one.keysPerSecond), n },
    { name: name('writes-per-key'), unit: 'writes', value: value(one => one.writesPerKey), n },
    { name: name('api-calls-per-key'), unit: 'calls', value: value(one => one.callsPerKey), n },
  ]
}
