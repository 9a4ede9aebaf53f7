import type { RateSeries } from '../load/fixed-rate.ts'
import { busyLimit, find, type Series } from '../load/measure.ts'
import type { Figure } from '../results.ts'
import { median } from '../statistics.ts'
import { bareNginx, type Passing, withoutLog } from './passing.ts'
import { envoyName, guardName } from './policies.ts'
import type { Soak } from './soak.ts'
import type { StartTimes } from './start.ts'

/** Names people read. */
const peers = {
  'envoy-jwt-rbac': 'Envoy jwt_authn + RBAC',
  nginx: 'nginx proxy_pass',
  envoy: 'Envoy without filters',
} as const
type Peer = keyof typeof peers

/** Requests per second under one load, against one peer. */
function rateFigure(
  name: string,
  series: readonly Series[],
  load: string,
  ours: string,
  theirs: string,
  peer: string,
): Figure {
  const guard = find(series, load, ours)
  return {
    name,
    unit: 'requests/s',
    value: guard.rps,
    peer: { name: peer, value: find(series, load, theirs).rps },
    n: guard.rpsOfRuns.length,
    lowerBound: guard.loadBusy > busyLimit,
  }
}

export function passingFigures({ series, rates, restMb }: Passing): Figure[] {
  const against = (peer: Peer, load: string, suffix: string, log = ''): Figure => {
    const short = { 'envoy-jwt-rbac': 'envoy-jwt-rbac', nginx: 'nginx-plain', envoy: 'envoy-plain' }[peer]
    return rateFigure(`rps-vs-${short}${suffix}`, series, load, `latchkey${log}`, `${peer}${log}`, peers[peer])
  }
  const all = Object.keys(peers) as Peer[]
  const small = find(series, '100b-32', 'latchkey')
  const envoy = find(series, '100b-32', 'envoy-jwt-rbac')
  const jwt = peers['envoy-jwt-rbac']
  return [
    ...all.map(peer => against(peer, '100b-32', '')),
    ...all.map(peer => against(peer, '100b-32', withoutLog, withoutLog)),
    rateFigure('rps-vs-nginx-bare', series, '100b-32', 'latchkey', bareNginx, 'nginx proxy_pass, no keepalive'),
    ...['100b-256', '10kb-32', '1mb-32'].flatMap(load => all.map(peer => against(peer, load, `-${load}`))),
    rateFigure('rps-distinct-tokens-vs-envoy', series, 'distinct-tokens', 'latchkey', 'envoy-jwt-rbac', jwt),
    ...rateFigures(rates),
    megabytes('rss-vs-envoy', small.rssMb, envoy.rssMb, small.rpsOfRuns.length),
    megabytes('rss-peak-vs-envoy', small.rssPeakMb, envoy.rssPeakMb, small.rpsOfRuns.length),
    megabytes('rss-rest-vs-envoy', restMb.latchkey ?? Number.NaN, restMb['envoy-jwt-rbac'] ?? Number.NaN, 1),
  ]
}

function rateFigures(rates: readonly RateSeries[]): Figure[] {
  const of = (name: string): RateSeries => {
    const found = rates.find(({ contestant }) => contestant === name)
    if (!found) throw new Error(`${name} was not measured at a fixed rate`)
    return found
  }
  const ours = of('latchkey')
  const milliseconds = (name: string, peer: Peer, value: (series: RateSeries) => number): Figure => ({
    name,
    unit: `ms at ${ours.rate} requests/s`,
    value: value(ours),
    peer: { name: peers[peer], value: value(of(peer)) },
    n: ours.n,
  })
  return [
    milliseconds('p50-fixed-rate-vs-envoy', 'envoy-jwt-rbac', series => series.p50Ms),
    milliseconds('p99-fixed-rate-vs-envoy', 'envoy-jwt-rbac', series => series.p99Ms),
    milliseconds('p999-fixed-rate-vs-envoy', 'envoy-jwt-rbac', series => series.p999Ms),
    milliseconds('p99-fixed-rate-vs-nginx', 'nginx', series => series.p99Ms),
  ]
}

function megabytes(name: string, value: number, theirs: number, n: number): Figure {
  return { name, unit: 'MB', value, peer: { name: peers['envoy-jwt-rbac'], value: theirs }, n }
}

export function policyFigures(series: readonly Series[]): Figure[] {
  const guardAtOne = guardName(1)
  return [1_000, 10_000].flatMap(count => [
    rateFigure(`rps-${count}-policies-vs-1`, series, 'policies', guardName(count), guardAtOne, 'Latchkey, 1 policy'),
    rateFigure(
      `rps-${count}-policies-vs-envoy`,
      series,
      'policies',
      guardName(count),
      envoyName(count),
      `${peers['envoy-jwt-rbac']}, ${count} policies`,
    ),
  ])
}

/** For memory.json: the injected form, which ships, under load. */
export function memoryFigures(series: readonly Series[], restMb: number): Figure[] {
  const guard = find(series, 'policies', guardName(1))
  const envoy = find(series, 'policies', envoyName(1))
  const n = guard.rpsOfRuns.length
  return [
    megabytes('guard-rss-mb-loaded', guard.rssMb, envoy.rssMb, n),
    megabytes('guard-rss-own-mb-loaded', guard.rssOwnMb, envoy.rssOwnMb, n),
    { name: 'guard-rss-mb-rest', unit: 'MB', value: restMb, n: 1 },
  ]
}

export function startFigure(name: string, { guardMs, bareNodeMs }: StartTimes): Figure {
  const peer = { name: 'Node that does nothing', value: median(bareNodeMs) }
  return { name, unit: 'ms', value: median(guardMs), peer, n: guardMs.length }
}

export function soakFigure({ mbPerHour, samples }: Soak): Figure {
  return { name: 'rss-soak-slope', unit: 'MB/hour', value: mbPerHour, n: samples.length }
}
