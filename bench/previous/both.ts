import { setTimeout as sleep } from 'node:timers/promises'
import { tokenSets } from '../guard/distinct.ts'
import { oneOfEach } from '../guard/passing.ts'
import { type Load, runOnce } from '../load/measure.ts'
import { provePasses } from '../load/proof.ts'
import { residentMemory } from '../machine/memory.ts'
import type { Contestant } from '../peers/contestant.ts'
import { startGuardFromManifests } from '../peers/latchkey.ts'
import type { Stage } from '../peers/stage.ts'
import { benchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { manifestsOf } from '../policy/manifests.ts'
import { pathOf } from '../policy/size.ts'
import { middle } from '../statistics.ts'
import { takeTurns } from '../turns.ts'
import type { Pairs } from './paired.ts'

/** What a guard that has just started has around it for this long. */
const restMs = 2_000

/** Most tokens that one core proves in a second, and some more: none is sent twice. */
const distinctPerSecond = 15_000

/** The guard of this tree and that of another one, which take the same turns: rates, memory at rest and under load. */
export async function measureBoth(stage: Stage, dist: string): Promise<Pairs[]> {
  const { tools, settings, place, add } = stage
  const client = benchClient(0)
  const manifests = manifestsOf(oneOfEach, [client])
  const start = (name: string, from: object): Promise<Contestant> =>
    startGuardFromManifests(process.execPath, place, { name, manifests, lines: 'written', ...from })
  const rest = await restOf([() => start('ours-at-rest', {}), () => start('theirs-at-rest', { dist })], settings.rounds)
  const ours = await add(start('ours', {}))
  const theirs = await add(start('theirs', { dist }))
  await provePasses([ours, theirs], client)
  const same = (connections: number): Load => ({
    name: `100b-${connections}`,
    path: pathOf(0, '100b'),
    connections,
    tokens: () => [clientToken(client, 'same', nowSeconds())],
  })
  const sets = tokenSets(distinctPerSecond * settings.secondsPerRun, client)
  const distinct: Load = { name: 'distinct-tokens', path: pathOf(0), connections: 32, once: true, tokens: sets }
  const pairs: Pairs[] = [rest]
  for (const load of [same(32), same(256), distinct]) {
    const turn = (one: Contestant) => runOnce(tools.wrk, place.directory, one, load, settings)
    await takeTurns([ours, theirs], 1, turn)
    const runs = await takeTurns([ours, theirs], settings.rounds, turn)
    const of = (value: (run: Awaited<ReturnType<typeof turn>>) => number, unit: string, name: string): Pairs => ({
      name: `${name}-${load.name}`,
      unit,
      ours: (runs.get(ours) ?? []).map(value),
      theirs: (runs.get(theirs) ?? []).map(value),
    })
    pairs.push(of(run => run.rps, 'requests/s', 'rps'))
    pairs.push(of(run => middle(run.memory, ({ mb }) => mb), 'MB', 'rss'))
  }
  return pairs
}

/** Each started anew for every turn: what a process at rest has depends on what it did before. */
async function restOf(starts: readonly (() => Promise<Contestant>)[], rounds: number): Promise<Pairs> {
  const runs = await takeTurns(starts, rounds, async start => {
    const guard = await start()
    try {
      await sleep(restMs)
      return residentMemory(guard.pid).mb
    } finally {
      await guard.stop()
    }
  })
  const [ours = [], theirs = []] = starts.map(start => runs.get(start) ?? [])
  return { name: 'rss-at-rest', unit: 'MB', ours, theirs }
}
