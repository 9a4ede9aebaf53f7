import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { runScript, say } from '../../test/cluster/progress.ts'
import { type Figure, writeFigures } from '../results.ts'
import { describeRig } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { median, quantile } from '../statistics.ts'
import type { Delays } from './process.ts'

// The main threads of an issuer whose tenants' documents change each second, of a guard whose largest policy comes anew, of a
// webhook that is asked for the longest Roles, and of an issuer with a service of many clients, each beside one that rests,
// at one time and on one machine: what the machine does meanwhile meets both. Rounds:
// at least 9.

const boundMs = 20
const leastRounds = 9

/** What a process does, and what the names of its figures end with. */
const modes = [
  ['reading', ''],
  ['compiling', '-guard'],
  ['admitting', '-webhook'],
  ['slicing 17000', '-issuer-17000-clients'],
  ['slicing 100000', '-issuer-100000-clients'],
] as const

await runScript(async () => {
  const settings = readSettings(process.env)
  const rounds = Math.max(leastRounds, settings.rounds)
  const rig = describeRig({ ...settings, rounds }, { node: process.version }, new Date())
  const figures: Figure[] = []
  const late: string[] = []
  for (const [mode, suffix] of modes) {
    const pairs = await measurePairs(mode, rounds, settings)
    const beyond = pairs.map(one => one.busy.p99Ms - one.idle.p99Ms)
    figures.push(...figuresOf(suffix, pairs, beyond))
    const [low, middle, high] = [0.25, 0.5, 0.75].map(q => quantile(beyond, q).toFixed(1))
    say(`${mode}: p99 above an idle twin: ${middle} ms, quartiles ${low} and ${high}; bound ${boundMs}`)
    if (median(beyond) > boundMs) late.push(`${mode}: the main thread is late: ${middle} ms above an idle twin`)
  }
  writeFigures('event-loop', 'event-loop', rig, figures)
  if (late.length > 0) throw new Error(late.join('\n'))
})

interface Pair {
  readonly busy: Delays
  readonly idle: Delays
}

async function measurePairs(mode: Mode, rounds: number, settings: { secondsPerRun: number }): Promise<Pair[]> {
  const [working, resting] = await Promise.all([start(mode), start('idle')])
  const pairs: Pair[] = []
  for (let round = 0; round < rounds; round++) {
    const [busy, idle] = await Promise.all([working.measure(settings), resting.measure(settings)])
    pairs.push({ busy, idle })
    const { p99Ms, maxMs, done } = busy
    say(`  ${mode} ${round + 1}: p99 ${p99Ms} ms, max ${maxMs}; idle ${idle.p99Ms}, max ${idle.maxMs}; ${done} done`)
  }
  working.stop()
  resting.stop()
  if (pairs.every(({ busy: { done } }) => done === 0)) throw new Error(`${mode}: nothing was done`)
  return pairs
}

function figuresOf(suffix: string, pairs: readonly Pair[], beyond: readonly number[]): Figure[] {
  const figure = (name: string, of: (delays: Delays) => number): Figure => ({
    name: name + suffix,
    unit: 'ms',
    value: median(pairs.map(({ busy }) => of(busy))),
    // Without a delay at all the ratio would be none.
    peer: { name: 'idle twin', value: Math.max(0.001, median(pairs.map(({ idle }) => of(idle)))) },
    n: pairs.length,
  })
  return [
    figure('event-loop-delay-p99', ({ p99Ms }) => p99Ms),
    figure('event-loop-delay-max', ({ maxMs }) => maxMs),
    { name: `event-loop-delay-p99-above-idle${suffix}`, unit: 'ms', value: median(beyond), n: beyond.length },
  ]
}

type Mode = (typeof modes)[number][0] | 'idle'

async function start(mode: Mode) {
  const child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), mode.split(' '))
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
