import { expect } from 'vitest'
import { valuesOf } from '../../../core/base/shared-map.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { freePort } from '../../free-port.ts'
import { addClient, addGrant, addRole, addService } from '../issuer/objects.ts'
import { startWorld, type World } from '../issuer/world.ts'
import { type ChartProcess, startAsInChart } from './chart-process.ts'
import { inTurns, type StreamingGuard, startGuards } from './crowd-of-guards.ts'
import { startIssuerService } from './issuer-service.ts'

export interface CrowdOfGuards {
  readonly namespaces: number
  readonly servicesOfEach: number
  readonly guardsOfEach: number
  /** How long anything may take that is waited for, milliseconds. */
  readonly patienceMs: number
}

/** What was seen, for whoever measures. */
export interface ComeBack {
  /** From the moment on which the replicas serve again until guards have what is in force, milliseconds. */
  readonly currentMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number }
  readonly peakMebibytes: readonly number[]
  /** Processor time of each replica, and of the process that all guards share, from then until all guards were current. */
  readonly processorSeconds: { readonly issuers: readonly number[]; readonly guards: number }
  /** Connections that guards made to replicas until then. */
  readonly connections: number
  /** What of them met a limit of a replica, as it counts them. */
  readonly limits: readonly string[]
}

/**
 * All replicas of the issuer end at once, the policy of one namespace changes meanwhile, and they come back together: every
 * guard goes on with what it has, none goes back to what was before, and each holds soon what is in force. Those whose
 * policy did not change are sent no whole one. The replicas keep within the chart's limit of memory.
 */
export async function guardsOutliveIssuers(size: CrowdOfGuards): Promise<ComeBack> {
  const world = await startWorld()
  const service = await startIssuerService()
  let guards: StreamingGuard[] = []
  let issuers: ChartProcess[] = []
  const start = async (): Promise<void> => {
    issuers = await Promise.all([0, 1].map(() => startIssuer(world)))
    service.lead(issuers.map(issuer => issuer.port('snapshots')))
  }
  try {
    const places = await addServices(world, size)
    await start()
    guards = await startGuards(world, service.port, { places, guardsOfEach: size.guardsOfEach })
    const waited = { timeout: size.patienceMs, interval: 50 }
    const without = (suspended: boolean) => () => guards.filter(guard => !holds(guard, suspended)).length
    await expect.poll(without(false), waited).toBe(0)
    await expect.poll(() => guards.filter(guard => !guard.isConnected()).length, waited).toBe(0)
    const wholes = guards.map(guard => guard.wholes())

    service.lead([])
    await Promise.all(issuers.map(issuer => issuer.stop()))
    await expect.poll(() => guards.filter(guard => guard.isConnected()).length, waited).toBe(0)
    await world.admin.patch(resources.apiClients, 'ns-0', 'caller', { spec: { suspended: true } })
    const watched = watchGuards(guards)
    await start()
    watched.begin()
    const before = service.led()
    const worked = processorTimes(issuers)
    await expect.poll(without(true), waited).toBe(0)
    await expect.poll(() => guards.filter(guard => !guard.isConnected()).length, waited).toBe(0)
    const { currentMs, ...faults } = watched.stop()
    const processorSeconds = worked.since()
    expect(faults).toEqual({ unfit: 0, wentBack: 0 })
    const resent = guards.filter((guard, at) => !isChanged(guard) && guard.wholes() !== wholes[at])
    expect(resent).toEqual([])
    expect(issuers.map(issuer => issuer.ended())).toEqual([undefined, undefined])
    const peaks = issuers.map(issuer => issuer.peakBytes() / 1_048_576)
    for (const [at, peak] of peaks.entries()) expect(peak).toBeLessThan(issuers[at]?.limitMebibytes ?? 0)
    const limits = (await Promise.all(issuers.map(limitsOf))).flat()
    return { currentMs, peakMebibytes: peaks, processorSeconds, connections: service.led() - before, limits }
  } finally {
    for (const guard of guards) guard.stop()
    await service.close()
    await Promise.all(issuers.map(issuer => issuer.stop()))
    await world.close()
  }
}

async function startIssuer(world: World): Promise<ChartProcess> {
  const issuer = await startAsInChart('issuer', {
    ...world.environment,
    LATCHKEY_SNAPSHOT_PORT: String(await freePort()),
    LATCHKEY_TOKEN_PORT: '0',
    LATCHKEY_KUBECONFIG: world.plane.kubeconfig,
  })
  await expect.poll(() => issuer.probe('/readyz'), { timeout: 60_000 }).toBe(200)
  return issuer
}

/** A client in each namespace, which may call its services. */
async function addServices(world: World, size: CrowdOfGuards) {
  const namespaces = Array.from({ length: size.namespaces }, (_, at) => `ns-${at}`)
  const places = await inTurns(namespaces, 4, async namespace => {
    await world.namespace(namespace)
    const client = await addClient(world, namespace, 'caller')
    const names = Array.from({ length: size.servicesOfEach }, (_, at) => `api-${at}`)
    for (const name of names) await addService(world, namespace, name)
    await addRole(world, namespace, 'reader', names)
    const uid = (await world.admin.get(resources.namespaces, undefined, namespace))?.metadata.uid
    await addGrant(world, namespace, 'caller', 'reader', [{ ...client, namespaceUid: uid }])
    return names.map(name => ({ namespace, service: name }))
  })
  return places.flat()
}

const isChanged = ({ service }: StreamingGuard): boolean => service.startsWith('ns-0/')

/** Whether the guard holds what is in force: its client, suspended or not where that changes. */
function holds(guard: StreamingGuard, suspended: boolean): boolean {
  const client = clientOf(guard)
  return client !== undefined && (!isChanged(guard) || client.suspended === suspended)
}

function clientOf({ policy }: StreamingGuard): { readonly suspended: boolean } | undefined {
  const clients = policy.snapshot()?.clients
  return clients && [...valuesOf(clients)][0]?.row
}

/** Looks at all guards twenty times a second. */
function watchGuards(guards: readonly StreamingGuard[]) {
  const unfit = new Set<StreamingGuard>()
  const wentBack = new Set<StreamingGuard>()
  const told = new Set<StreamingGuard>()
  const current = new Map<StreamingGuard, number>()
  let begunAt = Number.NaN
  const look = (): void => {
    for (const guard of guards) {
      if (!current.has(guard) && guard.isConnected() && holds(guard, true))
        current.set(guard, performance.now() - begunAt)
      if (guard.policy.unfit() !== undefined) unfit.add(guard)
      if (!isChanged(guard)) continue
      if (clientOf(guard)?.suspended) told.add(guard)
      else if (told.has(guard)) wentBack.add(guard)
    }
  }
  const timer = setInterval(look, 50)
  return {
    /** Times are counted from here on. */
    begin() {
      begunAt = performance.now()
    },
    stop() {
      clearInterval(timer)
      look()
      const times = [...current.values()].sort((a, b) => a - b)
      const at = (share: number) => Math.round(times[Math.ceil(share * times.length) - 1] ?? 0)
      const currentMs = { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
      return { unfit: unfit.size, wentBack: wentBack.size, currentMs }
    },
  }
}

function processorTimes(issuers: readonly ChartProcess[]) {
  const begun = issuers.map(issuer => issuer.processorSeconds())
  const own = process.cpuUsage()
  return {
    since() {
      const { user, system } = process.cpuUsage(own)
      return {
        issuers: issuers.map((issuer, at) => issuer.processorSeconds() - (begun[at] ?? 0)),
        guards: (user + system) / 1_000_000,
      }
    },
  }
}

async function limitsOf(issuer: ChartProcess): Promise<string[]> {
  const text = await (await fetch(`http://127.0.0.1:${issuer.port('health')}/metrics`)).text()
  return text.split('\n').filter(line => /^latchkey_http_limits_hit_total\{.*server="snapshots"/.test(line))
}
