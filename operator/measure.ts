import { Gauge, Histogram } from 'prom-client'
import { guardedService } from '../core/api/guarded-service.ts'
import { firstEnds, type KeyExpiry, keyExpiry } from '../core/status/key-expiry.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Enforcement } from './guarded-service/enforcement.ts'
import type { Sources } from './sources.ts'

const buckets = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300]

/** Times how long guards take to hold what was changed. */
export function measureEnforcement(metrics: Metrics): (resource: string, seconds: number) => void {
  const lag = new Histogram({
    registers: [metrics.registry],
    name: 'latchkey_enforcement_seconds',
    help: "Time from the operator's first look at a change until every guard concerned held it.",
    labelNames: ['resource'],
    buckets,
  })
  return (resource, seconds) => lag.observe({ resource }, seconds)
}

// Of all keys, those that end first: there may be thousands, and names come and go.
const mostEnds = 1_000

/** Adds what only the leader knows. One metric names objects, and a bounded number of them. */
export function measure(
  metrics: Metrics,
  parts: {
    sources: Pick<Sources, 'keys' | 'services'>
    enforcement: Pick<Enforcement, 'waiting' | 'guards'>
    nowSeconds(): number
  },
): void {
  const { sources, enforcement, nowSeconds } = parts
  const gauge = gaugeIn(metrics)
  measureKeys(gauge, () => keyExpiry(sources.keys.store.values(), nowSeconds()))
  measureEnds(gauge, () => firstEnds(sources.keys.store.values(), mostEnds))
  gauge('latchkey_guarded_services', 'GuardedServices, by reason of their condition Enforced.', ['enforced'], one => {
    const reasons = [...sources.services.store.values()].map(
      ({ status }) => status?.conditions?.find(({ type }) => type === 'Enforced')?.reason,
    )
    for (const reason of Object.keys(guardedService.conditions.Enforced ?? {}))
      one.set({ enforced: reason }, reasons.filter(found => found === reason).length)
  })
  gauge('latchkey_guards_expected', 'Pods that should have a guard that holds the current policy.', [], one =>
    one.set(enforcement.guards().expected),
  )
  gauge(
    'latchkey_guards_current',
    'Of the pods that should have a guard that holds the current policy, those that do.',
    [],
    one => one.set(enforcement.guards().current),
  )
  gauge('latchkey_enforcement_waiting', 'Changes that some guard does not hold yet.', [], one =>
    one.set(enforcement.waiting().count),
  )
  gauge(
    'latchkey_enforcement_oldest_wait_seconds',
    'How long the oldest change that some guard does not hold yet has waited; 0: there is none.',
    [],
    one => one.set(enforcement.waiting().oldestSeconds),
  )
}

type MakeGauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void) => void

function gaugeIn({ registry }: Metrics): MakeGauge {
  return (name, help, labelNames, collect) => {
    new Gauge({
      registers: [registry],
      name,
      help,
      labelNames,
      collect() {
        collect(this)
      },
    })
  }
}

function measureKeys(gauge: MakeGauge, expiry: () => KeyExpiry): void {
  gauge('latchkey_access_key_expiry_timestamp_seconds', 'When the first key in use ends; +Inf: none does.', [], one =>
    one.set(expiry().soonest ?? Number.POSITIVE_INFINITY),
  )
  gauge('latchkey_access_keys_expiring', 'Keys in use that end within this time.', ['within'], one => {
    for (const { days, count } of expiry().within) one.set({ within: `${days}d` }, count)
  })
}

function measureEnds(gauge: MakeGauge, ends: () => ReturnType<typeof firstEnds>): void {
  gauge(
    'latchkey_key_expiry_timestamp_seconds',
    'When a key in use ends that none replaces by itself: the 1,000 that end first.',
    ['access_key'],
    one => {
      one.reset()
      for (const { key, end } of ends()) one.set({ access_key: `${key.metadata.namespace}/${key.metadata.name}` }, end)
    },
  )
}
