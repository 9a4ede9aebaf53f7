import type { RateSeries } from '../load/fixed-rate.ts'
import { busyLimit, find, type Series } from '../load/measure.ts'
import type { Figure } from '../results.ts'

/** What is compared with what: a proxy that asks us, and the same proxy that decides by itself or not at all. */
const pairs = [
  ['extauthz-grpc-rps', 'envoy-ext-authz-grpc', 'envoy-jwt-rbac', 'Envoy jwt_authn + RBAC'],
  ['extauthz-http-rps', 'envoy-ext-authz-http', 'envoy-jwt-rbac', 'Envoy jwt_authn + RBAC'],
  ['extauthz-nginx-rps', 'nginx-auth-request', 'nginx', 'nginx proxy_pass'],
  ['extauthz-check-rps', 'check-http', 'origin', 'nginx that answers by itself'],
] as const

export function extauthzFigures(series: readonly Series[], rates: readonly RateSeries[]): Figure[] {
  return [
    ...pairs.map(([name, ours, theirs, peer]): Figure => {
      const one = find(series, '100b-32', ours)
      const value = find(series, '100b-32', theirs).rps
      const lowerBound = one.loadBusy > busyLimit
      return {
        name,
        unit: 'requests/s',
        value: one.rps,
        peer: { name: peer, value },
        n: one.rpsOfRuns.length,
        lowerBound,
      }
    }),
    ...pairs.slice(0, 3).map(([name, ours, theirs, peer]): Figure => {
      const [one, other] = [rateOf(rates, ours), rateOf(rates, theirs)]
      return {
        name: name.replace(/rps$/, 'p99-fixed-rate'),
        unit: `ms at ${one.rate} requests/s`,
        value: one.p99Ms,
        peer: { name: peer, value: other.p99Ms },
        n: one.n,
      }
    }),
  ]
}

function rateOf(rates: readonly RateSeries[], name: string): RateSeries {
  const found = rates.find(({ contestant }) => contestant === name)
  if (!found) throw new Error(`${name} was not measured at a fixed rate`)
  return found
}
