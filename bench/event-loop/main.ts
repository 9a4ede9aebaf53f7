import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { runScript, say } from '../../test/cluster/progress.ts'
import { type Figure, writeFigures } from '../results.ts'
import { describeRig } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { median, quantile } from '../statistics.ts'
import type { Delays } from './process.ts'

// The main thread of an issuer whose tenants' documents change each second, beside one that rests, at one time and on
// one machine: what the machine does meanwhile meets both. Rounds: at least 9.

const boundMs = 20
const leastRounds = 9

await runScript(async () => {
  const settings = readSettings(process.env)
  const rounds = Math.max(leastRounds, settings.rounds)
  const rig = describeRig({ ...settings, rounds }, { node: process.version }, new Date())
  const [reading, idle] = await Promise.all([start('reading'), start('idle')])
  const pairs: { reading: Delays; idle: Delays }[] = []
  for (let round = 0; round < rounds; round++) {
    const [busy, resting] = await Promise.all([reading.measure(settings), idle.measure(settings)])
    pairs.push({ reading: busy, idle: resting })
    say(`  round ${round + 1}: p99 ${busy.p99Ms} ms, idle ${resting.p99Ms} ms; ${busy.documents} documents read`)
  }
  reading.stop()
  idle.stop()
  if (pairs.every(({ reading: { documents } }) => documents === 0)) throw new Error('no document was read')
  const beyond = pairs.map(one => one.reading.p99Ms - one.idle.p99Ms)
  writeFigures('event-loop', 'event-loop', rig, figuresOf(pairs, beyond))
  const [low, middle, high] = [0.25, 0.5, 0.75].map(q => quantile(beyond, q).toFixed(1))
  say(`p99 of the event-loop delay above an idle twin: ${middle} ms, quartiles ${low} and ${high}; bound ${boundMs}`)
  if (median(beyond) > boundMs) throw new Error(`the main thread is late: ${middle} ms above an idle twin`)
})

function figuresOf(pairs: readonly { reading: Delays; idle: Delays }[], beyond: readonly number[]): Figure[] {
  const figure = (name: string, of: (delays: Delays) => number): Figure => ({
    name,
    unit: 'ms',
    value: median(pairs.map(({ reading }) => of(reading))),
    // Without a delay at all the ratio would be none.
    peer: { name: 'idle twin', value: Math.max(0.001, median(pairs.map(({ idle }) => of(idle)))) },
    n: pairs.length,
  })
  return [
    figure('event-loop-delay-p99', ({ p99Ms }) => p99Ms),
    figure('event-loop-delay-max', ({ maxMs }) => maxMs),
    { name: 'event-loop-delay-p99-above-idle', unit: 'ms', value: median(beyond), n: beyond.length },
  ]
}

async function start(mode: 'reading' | 'idle') {
  const child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), [mode])
  await once(child, 'message')
  return {
    async measure({ secondsPerRun }: { secondsPerRun: number }): Promise<Delays> {
      const told = once(child, 'message')
      child.send(secondsPerRun)
      return (await told)[0] as Delays
    },
    stop: () => child.kill(),
  }
}
