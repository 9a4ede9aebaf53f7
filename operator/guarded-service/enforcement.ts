import type { Resolved } from '../../cluster/resolved.ts'
import {
  type ConcernedService,
  type EnforcementReport,
  judgeEnforcement,
  reportService,
  type ServiceReport,
} from '../../core/status/judge-enforcement.ts'
import type { EnforcedView } from '../../core/status/report.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { KubeObject, Resource } from '../../platform/kube/client.ts'
import type { Logger } from '../../platform/log.ts'
import type { Replica } from '../replicas/ask-replica.ts'
import type { ReplicaClient } from '../replicas/issuer-replicas.ts'
import type { Sources } from '../sources.ts'
import { guardsLeftOf, guardsOf } from './guards-of.ts'

const waitingMs = 1_000
const restingMs = 10_000
// One lost answer is no news; a replica that stays away is left to its readiness probe.
const failuresTold = 3
// In audit mode the count moves with every call; a status must not.
const wouldDenyMs = 30_000

/** What the guards hold, asked from the issuers' replicas. Nothing here writes. */
export interface Enforcement {
  /** Whether every guard concerned holds the object at its resourceVersion; asks again until the answer is yes. */
  view(resource: Resource, object: KubeObject, services: Iterable<string>): EnforcedView
  /** The guards of one service; undefined until the replicas answered. Told again when it changes. */
  service(key: string): ServiceReport | undefined
  /** The object is gone: nobody waits for its answer. */
  forget(resource: Resource, key: string): void
  /** Changes that are not yet enforced everywhere. */
  waiting(): { readonly count: number; readonly oldestSeconds: number }
  /** Of all services together. */
  guards(): { readonly expected: number; readonly current: number }
  /** Of each service, as far as the replicas answered. */
  reports(): Iterable<readonly [service: string, report: ServiceReport]>
  /** Called when an earlier answer would be another one now. */
  onChange(handler: (resource: Resource, key: string) => void): void
  start(): void
  stop(): void
}

export interface EnforcementOptions {
  sources: Pick<Sources, 'services' | 'targets' | 'by'>
  resolved: Pick<Resolved, 'services'>
  /** Where central guards run. */
  namespace: string
  replicas(): Replica[]
  client: Pick<ReplicaClient, 'ask' | 'close'>
  servicesResource: Resource
  onEnforced?(resource: string, seconds: number): void
  log: Logger
  clock?: Clock
}

interface EnforcementQuery {
  resource: Resource
  key: string
  object: KubeObject
  services: string[]
  /** The answer that was given. */
  told: string
  /** Of the first one that was no yes. */
  sinceMs: number
}

export function createEnforcement(options: EnforcementOptions): Enforcement {
  const { sources, resolved, log, clock = systemClock } = options
  const questions = new Map<string, EnforcementQuery>()
  const toldServices = new Map<string, string>()
  const wouldDeny = new Map<string, { at: number; count: number }>()
  const handlers: ((resource: Resource, key: string) => void)[] = []
  let reports: EnforcementReport[] | undefined
  let failures = 0
  let cancel: (() => void) | undefined
  let due = Number.POSITIVE_INFINITY
  let running = false
  let stopped = true

  /** A guard goes on deciding when its service is not accepted any more, or gone: it counts as long as it is there. */
  function concerned(key: string): ConcernedService {
    const guards = resolved.services().get(key)?.accepted ? guardsOf : guardsLeftOf
    return guards(key, sources, options.namespace)
  }

  function judge({
    resource,
    object,
    services,
  }: Pick<EnforcementQuery, 'resource' | 'object' | 'services'>): EnforcedView {
    const version = object.metadata.resourceVersion ?? ''
    return judgeEnforcement({ resource: resource.plural, version, services: [...services].map(concerned) }, reports)
  }

  function serviceReport(key: string): ServiceReport | undefined {
    if (!reports || !resolved.services().get(key)?.accepted) return undefined
    const service = concerned(key)
    const report = reportService(service, reports)
    const sampled = wouldDeny.get(key)
    const fresh =
      sampled && clock.now() - sampled.at < wouldDenyMs ? sampled : { at: clock.now(), count: report.wouldDeny }
    wouldDeny.set(key, fresh)
    return { ...report, wouldDeny: fresh.count }
  }

  function allReports(): (readonly [string, ServiceReport])[] {
    return [...resolved.services().keys()].flatMap(key => {
      const report = serviceReport(key)
      return report ? [[key, report] as const] : []
    })
  }

  function anyWaits(): boolean {
    return questions.size > 0 || [...resolved.services().keys()].some(key => isBehind(serviceReport(key)))
  }

  async function ask(): Promise<void> {
    const replicas = options.replicas()
    try {
      reports = await Promise.all(replicas.map(replica => options.client.ask(replica)))
      if (failures >= failuresTold) log.info('the issuers answer again')
      failures = 0
    } catch (error) {
      failures++
      if (failures === failuresTold) log.warn({ err: error }, 'an issuer does not say what its guards hold')
    }
    if (!stopped) tellChanges()
  }

  function settle(name: string, view: EnforcedView): void {
    const question = questions.get(name)
    questions.delete(name)
    if (!question || view.state !== 'enforced') return
    options.onEnforced?.(question.resource.plural, (clock.now() - question.sinceMs) / 1_000)
  }

  function tellChanges(): void {
    for (const [name, question] of questions) {
      const view = judge(question)
      if (JSON.stringify(view) === question.told) continue
      if (view.state === 'enforced' || view.state === 'no-guards') settle(name, view)
      for (const handler of handlers) handler(question.resource, question.key)
    }
    for (const known of [toldServices, wouldDeny]) {
      for (const key of known.keys()) if (!resolved.services().has(key)) known.delete(key)
    }
    for (const key of resolved.services().keys()) {
      const report = JSON.stringify(serviceReport(key))
      if (toldServices.get(key) === report) continue
      toldServices.set(key, report)
      for (const handler of handlers) handler(options.servicesResource, key)
    }
  }

  async function round(): Promise<void> {
    running = true
    try {
      await ask()
    } catch (error) {
      log.error({ err: error }, 'looking at the guards failed')
    }
    running = false
    arm(anyWaits() || failures > 0 ? waitingMs : restingMs)
  }

  function arm(ms: number): void {
    const at = clock.now() + ms
    if (stopped || running || (cancel && at >= due)) return
    cancel?.()
    due = at
    cancel = clock.after(ms, () => {
      cancel = undefined
      void round()
    })
  }

  return {
    view(resource, object, services) {
      const key = `${object.metadata.namespace}/${object.metadata.name}`
      const asked = { resource, object, services: [...services] }
      const view = judge(asked)
      const name = `${resource.plural}/${key}`
      if (view.state === 'enforced' || view.state === 'no-guards') settle(name, view)
      else {
        const sinceMs = questions.get(name)?.sinceMs ?? clock.now()
        questions.set(name, { ...asked, key, sinceMs, told: JSON.stringify(view) })
        arm(waitingMs)
      }
      return view
    },
    service(key) {
      const report = serviceReport(key)
      if (isBehind(report)) arm(waitingMs)
      return report
    },
    forget: (resource, key) => void questions.delete(`${resource.plural}/${key}`),
    waiting() {
      const since = [...questions.values()].map(({ sinceMs }) => sinceMs)
      const oldest = since.reduce((a, b) => Math.min(a, b), clock.now())
      return { count: since.length, oldestSeconds: (clock.now() - oldest) / 1_000 }
    },
    reports: allReports,
    guards() {
      const all = allReports().map(([, report]) => report)
      const sum = (of: 'total' | 'current') => all.reduce((total, report) => total + report[of], 0)
      return { expected: sum('total'), current: sum('current') }
    },
    onChange: handler => void handlers.push(handler),
    start() {
      stopped = false
      arm(0)
    },
    stop() {
      stopped = true
      cancel?.()
      cancel = undefined
      options.client.close()
    },
  }
}

function isBehind(report: ServiceReport | undefined): boolean {
  return report !== undefined && report.current < report.total
}
