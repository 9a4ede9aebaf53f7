import type { GuardedService, GuardedServiceStatus } from '../api/guarded-service.ts'
import { guardLabel } from '../api/labels.ts'
import type { ResolvedService } from '../registry/resolve-services.ts'
import { guardPort, leadsToGuard } from '../registry/service-port.ts'
import type { ServiceReport } from './judge-enforcement.ts'
import { aroundGuard, type Finding, latchEnforced, notReady, reportConditions } from './report.ts'

interface ObservedService {
  readonly object: GuardedService
  readonly resolved: ResolvedService
  readonly schemaFault?: string | undefined
  /** What the guards say; undefined until the issuers were asked. */
  readonly report: ServiceReport | undefined
  /** What became of the NetworkPolicy; undefined when none is asked for. */
  readonly isolation?: Finding | undefined
}

/** The status of a guarded service; its counts are live. @param now RFC 3339, whole seconds */
export function planGuardedService(observed: ObservedService, now: string): GuardedServiceStatus {
  const { object, resolved, report, isolation } = observed
  const { generation } = object.metadata
  const previous = object.status
  const acceptance = accept(observed)
  const accepted = acceptance.status === 'True'
  const enforced = enforcement(observed, accepted)
  const revision = report?.hash?.slice(0, 12) ?? previous?.revision
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: reportConditions(previous?.conditions, generation, now, [
      acceptance,
      readiness(resolved, acceptance, isolation),
      enforced,
      ...(isolation ? [isolation] : []),
      ...stalled(object, enforced),
    ]),
    ...(resolved.claim === 'held' && { audience: resolved.audience }),
    ...(resolved.claim === 'taken' && { refusedAudience: resolved.audience }),
    ...counts(report, previous),
    ...(accepted && revision !== undefined && { revision }),
  }
}

/** What was counted last stands until the issuers are asked again. */
function counts(
  report: ServiceReport | undefined,
  previous: GuardedServiceStatus | undefined,
): Partial<GuardedServiceStatus> {
  const { guards, wouldDeny } = report
    ? { guards: `${report.current}/${report.total}`, wouldDeny: report.wouldDeny }
    : { guards: previous?.guards, wouldDeny: previous?.wouldDeny }
  return { ...(guards !== undefined && { guards }), ...(wouldDeny !== undefined && { wouldDeny }) }
}

function accept({ resolved, schemaFault }: ObservedService): Finding {
  if (schemaFault !== undefined) return { type: 'Accepted', status: 'False', reason: 'Invalid', message: schemaFault }
  const { accepted, reason, message } = resolved
  // Not read is not refused.
  const status = accepted ? 'True' : reason === 'OpenApiUnread' ? 'Unknown' : 'False'
  return { type: 'Accepted', status, reason, message }
}

/** Where the policy is to be enforced, calls that nobody decides about are a fault, and only a person can mend it. */
function stalled({ spec }: GuardedService, { reason, message }: Finding): Finding[] {
  if ((spec.mode ?? 'Enforce') !== 'Enforce' || !aroundGuard.includes(reason)) return []
  return [{ type: 'Stalled', status: 'True', reason, message }]
}

function readiness({ reason, message }: ResolvedService, acceptance: Finding, isolation: Finding | undefined): Finding {
  if (acceptance.status !== 'True') return notReady(acceptance)
  if (reason === 'OpenApiOutdated') return { type: 'Ready', status: 'False', reason, message }
  if (isolation?.status === 'False')
    return { type: 'Ready', status: 'False', reason: 'NotIsolated', message: isolation.message }
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'The policy is published.' }
}

function enforcement(observed: ObservedService, accepted: boolean): Finding {
  const { object, resolved, report } = observed
  const say = (status: Finding['status'], reason: string, message: string): Finding => ({
    type: 'Enforced',
    status,
    reason,
    message,
  })
  if (!accepted) return say('False', 'Waiting', resolved.published ? asBefore : denying)
  const command = bypassCommand(object, resolved)
  if (command !== undefined && !report?.central) {
    const before = object.status?.conditions?.find(({ type }) => type === 'Enforced')
    const stands = before?.reason === 'ServiceBypassesGuard' && before.observedGeneration === object.metadata.generation
    // Not asked yet, as after a restart: what was said stands.
    if (!report && before && stands) return say('False', before.reason, before.message)
    return say(
      'False',
      'ServiceBypassesGuard',
      `The Service's port does not lead to the guard${nextStep(observed, command)}`,
    )
  }
  if (!report) return latchEnforced(object.status?.conditions, object.metadata.generation, undefined)
  if (report.total === 0) {
    return selectsPods(resolved) ? say('True', 'NoGuards', noPod) : say('Unknown', 'NoGuards', unseenEndpoints)
  }
  if (report.exposed.length > 0) {
    const more = report.exposed.length > 5 ? ` and ${report.exposed.length - 5} more` : ''
    const pods = report.exposed.slice(0, 5).join(', ') + more
    return say('False', 'DirectAccess', `The app listens beyond loopback in ${pods}. Let it listen on 127.0.0.1.`)
  }
  if (report.current === report.total) return say('True', 'Enforced', command === undefined ? everyPod : centralOnly)
  return say(
    'False',
    'Waiting',
    `${report.current} of ${report.total} pods have a guard that holds the current revision.`,
  )
}

/** The command, once it loses no call: a pod without a guard gets no traffic from then on. */
function nextStep({ object, report }: ObservedService, command: string): string {
  if (!report) return '. How many pods have one is not known yet; then the command that sends it there stands here.'
  if (report.guarded >= report.total) return `. Run: ${command}`
  const label = `${guardLabel}: ${object.metadata.name}`
  return `, and ${report.guarded} of ${report.total} pods have one. Put the label ${label} into the pod template of their workload and roll out; then the command that sends it there stands here.`
}

const denying = 'The service is not accepted, so its guards get no policy and deny.'
const asBefore = 'The service is not accepted; guards that it has go on with the policy.'
/** Endpoints that somebody writes by hand, or a name outside, are none of what is counted here. */
function selectsPods({ target }: ResolvedService): boolean {
  return Object.keys(target?.service.spec?.selector ?? {}).length > 0
}

const noPod = 'No pod is behind the Service.'
const unseenEndpoints =
  'The Service selects no pods. Where its endpoints lead, and whether a guard is there, is not known here. Give it a selector.'
const everyPod = 'Every pod has a guard that holds the policy.'
const centralOnly =
  'Every authorizer holds the policy. Calls that reach the pods around the proxies that ask it are decided by nobody: close that way with a NetworkPolicy.'

/** The command that sends the Service's port to the guard; undefined when it goes there. */
export function bypassCommand(object: GuardedService, { target }: ResolvedService): string | undefined {
  if (!target) return undefined
  const ports = target.service.spec?.ports ?? []
  const index = ports.findIndex(port => port.port === target.port)
  const port = ports[index]
  if (!port || leadsToGuard(port)) return undefined
  const patch = JSON.stringify([{ op: 'add', path: `/spec/ports/${index}/targetPort`, value: guardPort }])
  const { name } = target.service.metadata
  return `kubectl patch service ${name} -n ${object.metadata.namespace} --type=json -p '${patch}'`
}
