import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { measureLoad, type Series } from '../load/measure.ts'
import type { Contestant } from '../peers/contestant.ts'
import type { Stage } from '../peers/stage.ts'
import { type BenchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { pathOf } from '../policy/size.ts'

/** More than any core of today verifies in a second; a machine that does better is measured first. */
const leastPerSecond = 15_000

/** Every request brings a token that was not seen before: each costs a verification, and nothing may be cached. */
export function measureDistinct(
  { tools, settings, place }: Stage,
  contestants: readonly Contestant[],
  client: BenchClient,
): Promise<Series[]> {
  const perSecond = Math.max(leastPerSecond, verificationsPerSecond() * 1.5)
  const count = Math.ceil(perSecond * settings.secondsPerRun)
  const sets = tokenSets(count, client)
  const load = { name: 'distinct-tokens', path: pathOf(0), connections: 32, once: true, tokens: sets } as const
  return measureLoad(tools.wrk, place.directory, contestants, load, settings)
}

/** A new set for every round; within a round all contestants get the same. */
export function tokenSets(count: number, client: BenchClient): (contestant: string) => readonly string[] {
  const rounds = new Map<string, number>()
  let signed = { round: 0, tokens: [] as readonly string[] }
  return contestant => {
    const round = (rounds.get(contestant) ?? 0) + 1
    rounds.set(contestant, round)
    if (signed.round !== round) {
      const now = nowSeconds()
      signed = { round, tokens: Array.from({ length: count }, (_, at) => clientToken(client, `${round}-${at}`, now)) }
    }
    return signed.tokens
  }
}

function verificationsPerSecond(): number {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const message = Buffer.alloc(300)
  const signature = sign(null, message, privateKey)
  const begun = performance.now()
  let count = 0
  for (; performance.now() - begun < 300; count++) verify(null, message, publicKey, signature)
  return (count / (performance.now() - begun)) * 1_000
}
