import { measureFixedRate, type RateSeries } from '../load/fixed-rate.ts'
import { find, type Load, measureLoad, type Series } from '../load/measure.ts'
import { proveDecides, provePasses } from '../load/proof.ts'
import { residentMemory } from '../machine/memory.ts'
import type { Contestant, Lines } from '../peers/contestant.ts'
import { startEnvoyJwtRbac, startEnvoyPlain } from '../peers/envoy.ts'
import { startGuardFromManifests } from '../peers/latchkey.ts'
import { type Body, startNginxBare, startNginxPlain } from '../peers/nginx.ts'
import type { Stage } from '../peers/stage.ts'
import { type BenchClient, benchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { manifestsOf } from '../policy/manifests.ts'
import { pathOf } from '../policy/size.ts'
import type { Settings } from '../settings.ts'
import { measureDistinct } from './distinct.ts'

/** Ends the name of a contestant that writes no line per request. */
export const withoutLog = '-without-log'

/** nginx that keeps no connections to the app. */
export const bareNginx = 'nginx-bare'

/** The smallest policy: one client that may do one thing. */
export const oneOfEach = { clients: 1, rules: 1 }

/** What the guard and its peers gave, and what memory they took before any request. */
export interface Passing {
  readonly series: readonly Series[]
  readonly rates: readonly RateSeries[]
  readonly restMb: Readonly<Record<string, number>>
}

/** The same requests through every contestant, with one token, at the highest rate, at a fixed one, with new tokens. */
export async function measurePassing(stage: Stage, oha: string): Promise<Passing> {
  const { tools, settings, place, origin } = stage
  const client = benchClient(0)
  const main = await startFour(stage, client, '', 'written')
  const [latchkey, envoy, nginx] = main
  const silent = await startFour(stage, client, withoutLog, 'off')
  const bare = await stage.add(startNginxBare(tools.nginx, place, bareNginx))
  await new Promise(resolve => setTimeout(resolve, 2_000))
  const restMb = Object.fromEntries(main.map(({ name, pid }) => [name, residentMemory(pid).mb]))
  const measure = (contestants: readonly Contestant[], load: Load, more: Partial<Settings> = {}): Promise<Series[]> =>
    measureLoad(tools.wrk, place.directory, contestants, load, { ...settings, ...more })
  const all = [origin, ...main, ...silent, bare]
  const decides = [latchkey, envoy, ...silent.slice(0, 2)]
  await proveDecides(decides, client)
  await provePasses(
    all.filter(one => !decides.includes(one)),
    client,
  )
  // What is compiled or grown only under load is, before anything counts.
  await measure(all, { ...sameToken(client, '100b', 32), name: 'warm-up' }, { rounds: 1, secondsPerRun: 2 })
  const series = await measure(all, sameToken(client, '100b', 32))
  const shorter = { secondsPerRun: shortened(settings) }
  series.push(...(await measure(main, sameToken(client, '100b', 256), shorter)))
  series.push(...(await measure(main, sameToken(client, '10kb', 32), shorter)))
  series.push(...(await measure(main, sameToken(client, '1mb', 32), shorter)))
  const rate = Math.round(find(series, '100b-32', envoy.name).rps / 2)
  const rates = await measureFixedRate(oha, [latchkey, envoy, nginx], { client, rate }, settings)
  const distinct = await measureDistinct(stage, [latchkey, envoy], client)
  return { series: [...series, ...distinct], rates, restMb }
}

async function startFour(
  { tools, place, add }: Stage,
  client: BenchClient,
  suffix: string,
  lines: Lines,
): Promise<[Contestant, Contestant, Contestant, Contestant]> {
  const manifests = manifestsOf(oneOfEach, [client])
  const jwt = { name: `envoy-jwt-rbac${suffix}`, client, policy: oneOfEach, lines }
  return [
    await add(startGuardFromManifests(process.execPath, place, { name: `latchkey${suffix}`, manifests, lines })),
    await add(startEnvoyJwtRbac(tools.envoy, place, jwt)),
    await add(startNginxPlain(tools.nginx, place, `nginx${suffix}`, lines)),
    await add(startEnvoyPlain(tools.envoy, place, `envoy${suffix}`, lines)),
  ]
}

/** Seconds of the runs beside the main one: a bench has its time. */
export function shortened({ secondsPerRun }: Settings): number {
  return Math.max(1, Math.round((secondsPerRun * 2) / 3))
}

/** One token of one client, sent again and again; signed anew for every run, so that none ends during a bench. */
function sameToken(client: BenchClient, body: Body, connections: number): Load {
  const tokens = (): string[] => [clientToken(client, 'same', nowSeconds())]
  return { name: `${body}-${connections}`, path: pathOf(0, body), connections, tokens }
}
