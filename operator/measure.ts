import { Counter, Gauge, Histogram } from 'prom-client'
import { guardedService } from '../core/api/guarded-service.ts'
import type { ServiceReport } from '../core/status/judge-enforcement.ts'
import { firstEnds, type KeyExpiry, keyExpiry } from '../core/status/key-expiry.ts'
import type { Metrics } from '../platform/metrics.ts'
import { version } from '../platform/version.ts'
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

/** Counts the statuses that are written because somebody uses the object. */
export function measureLastUsed(metrics: Metrics): () => void {
  const writes = new Counter({
    registers: [metrics.registry],
    name: 'latchkey_last_used_writes_total',
    help: 'Statuses that were written to tell of a later use.',
  })
  return () => writes.inc()
}

// There may be thousands, and names come and go: those that end first, the namespaces in turn.
const mostEnds = 1_000

/** Adds what only the leader knows. Two metrics name objects, and a bounded number of them: see `measureLacking` too. */
export function measure(
  metrics: Metrics,
  parts: {
    sources: Pick<Sources, 'keys' | 'services'>
    enforcement: Pick<Enforcement, 'waiting' | 'guards' | 'reports'>
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
  measureLacking(gauge, enforcement)
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

/** Services that are named at most; what comes behind them is `other`. */
const namedServices = 100

/**
 * Which services have guards that lack something, and what: none is named while all is well, and the first ones by their
 * names when much is not, so that an outage of all makes no thousands of series.
 */
function measureLacking(gauge: MakeGauge, enforcement: Pick<Enforcement, 'reports'>): void {
  gauge(
    'latchkey_guards_lacking',
    'Pods whose guard does not hold the current policy, and guards of another release than the operator, by service and by what they lack.',
    ['guarded_service', 'lack'],
    one => {
      one.reset()
      const concerned = [...enforcement.reports()].map(([key, report]) => ({ key, counts: lackCounts(report) }))
      const found = concerned.filter(({ counts }) => counts.length > 0).sort((a, b) => (a.key < b.key ? -1 : 1))
      for (const [at, { key, counts }] of found.entries()) {
        const service = at < namedServices ? key : 'other'
        for (const { lack, count } of counts) one.inc({ guarded_service: service, lack }, count)
      }
    },
  )
}

function lackCounts({ lacking, versions }: ServiceReport): readonly { lack: string; count: number }[] {
  const others = versions.reduce((sum, one) => sum + (one.version === version ? 0 : one.count), 0)
  return [...lacking, ...(others > 0 ? [{ lack: 'OtherRelease', count: others }] : [])]
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
  gauge(
    'latchkey_access_keys_expiring',
    'Keys in use that end within this time, and that none replaces by itself or whose rotation is held up.',
    ['within'],
    one => {
      for (const { days, count } of expiry().within) one.set({ within: `${days}d` }, count)
    },
  )
}

function measureEnds(gauge: MakeGauge, ends: () => ReturnType<typeof firstEnds>): void {
  gauge(
    'latchkey_key_expiry_timestamp_seconds',
    'When a key in use ends that none replaces by itself or whose rotation is held up: at most 1,000, the first of each namespace before the second of any.',
    ['access_key'],
    one => {
      one.reset()
      for (const { key, end } of ends()) one.set({ access_key: `${key.metadata.namespace}/${key.metadata.name}` }, end)
    },
  )
}
