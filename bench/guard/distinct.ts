import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { measureLoad, type Series } from '../load/measure.ts'
import type { Contestant } from '../peers/contestant.ts'
import type { Stage } from '../peers/stage.ts'
import { type BenchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { pathOf } from '../policy/size.ts'

/** Every request brings a token that was not seen before: each costs a verification, and nothing may be cached. */
export function measureDistinct(
  { tools, settings, place }: Stage,
  contestants: readonly Contestant[],
  client: BenchClient,
): Promise<Series[]> {
  // Nobody verifies faster than the bare signature check; one and a half times that many are never used up.
  const count = Math.ceil(verificationsPerSecond() * settings.secondsPerRun * 1.5)
  let run = 0
  const load = {
    name: 'distinct-tokens',
    path: pathOf(0),
    connections: 32,
    once: true,
    tokens(): string[] {
      run++
      const now = nowSeconds()
      return Array.from({ length: count }, (_, at) => clientToken(client, `${run}-${at}`, now))
    },
  } as const
  return measureLoad(tools.wrk, place.directory, contestants, load, settings)
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
