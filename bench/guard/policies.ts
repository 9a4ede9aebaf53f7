import { measureLoad, type Series } from '../load/measure.ts'
import { residentMemory } from '../machine/memory.ts'
import type { Contestant } from '../peers/contestant.ts'
import { startEnvoyJwtRbac } from '../peers/envoy.ts'
import { startGuardFromSnapshot } from '../peers/latchkey.ts'
import type { Stage } from '../peers/stage.ts'
import { benchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { clientsOf, pathOf, rowsOf } from '../policy/size.ts'
import { shortened } from './passing.ts'

export const policyCounts = [1, 1_000, 10_000] as const

/**
 * The injected form of the guard and Envoy, each with so many policies. The caller's policy stands in the middle of
 * Envoy's list: the mean of what a caller meets.
 */
export async function measurePolicies(stage: Stage): Promise<{ series: Series[]; guardRestMb: number }> {
  const { tools, settings, place, add } = stage
  const pairs: Contestant[][] = []
  for (const count of policyCounts) {
    const policy = { clients: count, rules: count }
    const name = guardName(count)
    const rows = rowsOf(policy, clientsOf(policy), nowSeconds())
    const client = benchClient(callerOf(count))
    pairs.push([
      await add(startGuardFromSnapshot(process.execPath, place, { name, rows, lines: 'written' })),
      await add(startEnvoyJwtRbac(tools.envoy, place, { name: envoyName(count), client, policy, lines: 'written' })),
    ])
  }
  await new Promise(resolve => setTimeout(resolve, 2_000))
  const guardRestMb = residentMemory(pairs[0]?.[0]?.pid ?? 0).mb
  const contestants = pairs.flat()
  const countOf = new Map(pairs.flatMap((pair, at) => pair.map(({ name }) => [name, policyCounts[at] ?? 1] as const)))
  const load = {
    name: 'policies',
    path: '/',
    connections: 32,
    tokens(contestant: string): string[] {
      const caller = callerOf(countOf.get(contestant) ?? 1)
      return [`${pathOf(caller)} ${clientToken(benchClient(caller), 'same', nowSeconds())}`]
    },
  }
  const shorter = { ...settings, secondsPerRun: shortened(settings) }
  await measureLoad(tools.wrk, place.directory, contestants, load, { ...shorter, rounds: 1 })
  const series = await measureLoad(tools.wrk, place.directory, contestants, load, shorter)
  return { series, guardRestMb }
}

export function envoyName(count: number): string {
  return `envoy-jwt-rbac-${count}`
}

export function guardName(count: number): string {
  return `latchkey-injected-${count}`
}

function callerOf(count: number): number {
  return Math.floor(count / 2)
}
