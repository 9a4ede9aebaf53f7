import { say } from '../../test/cluster/progress.ts'
import { runOnce } from '../load/measure.ts'
import type { MemorySample } from '../machine/memory.ts'
import { startGuardFromManifests } from '../peers/latchkey.ts'
import type { Stage } from '../peers/stage.ts'
import { benchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { manifestsOf } from '../policy/manifests.ts'
import { pathOf } from '../policy/size.ts'
import { slope } from '../statistics.ts'
import { oneOfEach } from './passing.ts'

export interface Soak {
  readonly minutes: number
  readonly requests: number
  readonly samples: readonly MemorySample[]
  /** Growth of resident memory, the first fifth left out: by then caches and heap have their size. */
  readonly mbPerHour: number
}

/** A guard under full load for minutes, with a new token every half minute. */
export async function measureSoak({ tools, settings, place, add }: Stage): Promise<Soak> {
  const minutes = settings.soakMinutes
  const client = benchClient(0)
  const manifests = manifestsOf(oneOfEach, [client])
  const options = { name: 'latchkey-soak', manifests, lines: 'written' } as const
  const guard = await add(startGuardFromManifests(process.execPath, place, options))
  const tokens = (): string[] => [clientToken(client, String(nowSeconds()), nowSeconds())]
  const load = { name: 'soak', path: pathOf(0), connections: 32, tokens }
  const samples: MemorySample[] = []
  let requests = 0
  const begun = performance.now()
  for (let left = minutes * 60; left > 0; left = minutes * 60 - (performance.now() - begun) / 1_000) {
    const from = (performance.now() - begun) / 1_000
    const secondsPerRun = Math.max(1, Math.min(30, Math.round(left)))
    const run = await runOnce(tools.wrk, place.directory, guard, load, { ...settings, secondsPerRun })
    samples.push(...run.memory.map(sample => ({ ...sample, seconds: from + sample.seconds })))
    requests += run.requests
  }
  say(`  soak: ${requests} requests in ${minutes} min`)
  return { minutes, requests, samples: thinned(samples, 600), mbPerHour: growthOf(samples) }
}

/** MB per hour. */
export function growthOf(samples: readonly Pick<MemorySample, 'seconds' | 'mb'>[]): number {
  const end = samples.at(-1)?.seconds ?? 0
  const settled = samples.filter(({ seconds }) => seconds >= end / 5)
  return slope(settled.map(({ seconds, mb }) => ({ x: seconds / 3_600, y: mb })))
}

/** At most so many, evenly taken. */
export function thinned<T>(values: readonly T[], atMost: number): T[] {
  const step = Math.max(1, Math.ceil(values.length / atMost))
  return values.filter((_, at) => at % step === 0)
}
