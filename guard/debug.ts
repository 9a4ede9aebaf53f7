import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8'
import { groupBy } from '../core/base/group-by.ts'
import { valuesOf } from '../core/base/shared-map.ts'
import type { Policy } from '../enforce/policy/policy.ts'
import type { Gauges } from '../enforce/report/metrics.ts'

/** What /debug answers with, by path. */
export type Debug = Readonly<Record<string, () => object>>

/**
 * Counts and revisions for whoever looks for a fault in this pod. No row, no name of a client, no key, no hash of a
 * secret: what is here may be pasted into a ticket.
 */
export function createDebug(parts: { service: string; policy: Policy; gauges: Gauges }): Debug {
  return {
    '/debug/snapshot': () => snapshotSummary(parts),
    '/debug/heap': heapSummary,
  }
}

function snapshotSummary({ service, policy, gauges }: Parameters<typeof createDebug>[0]): object {
  const snapshot = policy.snapshot()
  const { mode, directAccess, maxStalenessSeconds } = snapshot?.service ?? {}
  return {
    service,
    revision: snapshot?.revision ?? null,
    ageSeconds: policy.ageSeconds() ?? null,
    unfit: policy.unfit() ?? null,
    ...(snapshot?.service && { mode, directAccess, maxStalenessSeconds }),
    counts: snapshot && {
      clients: count(valuesOf(snapshot.clients)),
      clientsWithGrants: count(valuesOf(snapshot.grantsByClient)),
      routes: snapshot.service?.routes.length ?? 0,
      publicPaths: snapshot.service?.public.length ?? 0,
      unsupportedRows: snapshot.unsupported.size,
    },
    requestsInFlight: gauges.inFlight(),
    draining: gauges.isDraining(),
    identityCache: gauges.identities(),
  }
}

function heapSummary(): object {
  return {
    uptimeSeconds: Math.round(process.uptime()),
    memory: process.memoryUsage(),
    heap: getHeapStatistics(),
    spaces: getHeapSpaceStatistics(),
    resources: tally(process.getActiveResourcesInfo()),
  }
}

function count(values: Iterable<unknown>): number {
  let sum = 0
  for (const _ of values) sum++
  return sum
}

function tally(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([...groupBy(names, name => name)].map(([name, all]) => [name, all.length]))
}
