import { runScript, step } from '../../test/cluster/progress.ts'
import { measureFixedRate, type RateSeries } from '../load/fixed-rate.ts'
import { type Load, measureLoad, type Series } from '../load/measure.ts'
import { proveDecides, provePasses } from '../load/proof.ts'
import { startAuthorizer } from '../peers/authorizer.ts'
import type { Contestant } from '../peers/contestant.ts'
import { startEnvoyJwtRbac, startEnvoyPlain } from '../peers/envoy.ts'
import { startEnvoyOverGrpc, startEnvoyOverHttp, startNginxAsking } from '../peers/example-proxies.ts'
import { startNginxPlain } from '../peers/nginx.ts'
import { onStage, type Stage } from '../peers/stage.ts'
import { prepareOha, prepareTools, versionsOf } from '../peers/tools.ts'
import { type BenchClient, benchClient, clientToken, nowSeconds, service } from '../policy/clients.ts'
import { manifestsOf } from '../policy/manifests.ts'
import { pathOf } from '../policy/size.ts'
import { writeFigures, writeResult } from '../results.ts'
import { describeRig, moveTo } from '../rig.ts'
import { readSettings } from '../settings.ts'
import { extauthzFigures } from './figures.ts'

const checkName = 'check-http'
const oneOfEach = { clients: 1, rules: 1 }

await runScript(async () => {
  const settings = readSettings(process.env)
  const tools = await prepareTools()
  const oha = await prepareOha()
  moveTo(settings.loadCore)
  const rig = describeRig(settings, await versionsOf(tools), new Date())
  const { series, rates } = await step('requests through', () => onStage(tools, settings, stage => measure(stage, oha)))
  writeResult('extauthz-series.json', { rig, series, rates })
  writeFigures('guard', 'extauthz', rig, extauthzFigures(series, rates))
})

/** Proxy and authorizer share the core under test: together they do what a guard does alone. */
async function measure(
  { tools, settings, place, origin, add }: Stage,
  oha: string,
): Promise<{ series: Series[]; rates: RateSeries[] }> {
  const client = benchClient(0)
  const authorizer = await add(startAuthorizer(process.execPath, place, manifestsOf(oneOfEach, [client])))
  // As nginx asks, but by the load generator: what the authorizer alone can answer.
  const check: Contestant = { ...authorizer, name: checkName }
  const envoyOptions = { name: 'envoy-jwt-rbac', client, policy: oneOfEach, lines: 'written' } as const
  const proxies = [
    await add(startEnvoyOverGrpc(tools.envoy, place, authorizer)),
    await add(startEnvoyOverHttp(tools.envoy, place, authorizer)),
    await add(startNginxAsking(tools.nginx, place, authorizer)),
    await add(startEnvoyJwtRbac(tools.envoy, place, envoyOptions)),
    await add(startNginxPlain(tools.nginx, place, 'nginx', 'written')),
  ] as const
  const plain = await add(startEnvoyPlain(tools.envoy, place, 'envoy', 'written'))
  const [grpc, http, asking, jwt, nginx] = proxies
  await proveDecides([grpc, http, asking, jwt], client)
  await provePasses([nginx, plain], client)
  const load = (connections: number): Load => loadOf(client, connections, authorizer.secrets.nginx)
  const all = [...proxies, plain, check, origin]
  const run = (contestants: readonly Contestant[], one: Load, rounds = settings.rounds): Promise<Series[]> =>
    measureLoad(tools.wrk, place.directory, contestants, one, { ...settings, rounds })
  await run(all, { ...load(32), name: 'warm-up' }, 1)
  const series = [...(await run(all, load(32))), ...(await run([...proxies, plain], load(256)))]
  authorizer.afterRun()
  const slowest = Math.min(...proxies.map(({ name }) => series.find(one => one.contestant === name)?.rps ?? 0))
  const rates = await measureFixedRate(oha, proxies, { client, rate: Math.round(slowest / 2) }, settings)
  return { series, rates }
}

/** Calls through a proxy, or, to the authorizer itself, the check that nginx would make of such a call. */
function loadOf(client: BenchClient, connections: number, secret: string): Load {
  const path = pathOf(0)
  const asNginx = [`Latchkey-Peer-Secret: ${secret}`, 'X-Original-Method: GET', `X-Original-URI: ${path}`]
  const token = (): string => clientToken(client, 'same', nowSeconds())
  return {
    name: `100b-${connections}`,
    path,
    connections,
    tokens: name => [name === checkName ? `/check/${service} ${token()}` : token()],
    headers: name => (name === checkName ? asNginx : []),
  }
}
