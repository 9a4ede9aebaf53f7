import type { GuardedService, GuardedServiceStatus } from '../api/guarded-service.ts'
import { nameSome } from '../base/name-some.ts'
import type { ResolvedService } from '../registry/resolve-services.ts'
import { guardPort, leadsToGuard } from '../registry/service-port.ts'
import { exposedText } from './exposed-pods.ts'
import { versionsText } from './guard-versions.ts'
import type { ServiceReport } from './judge-enforcement.ts'
import { countedLacks, lackingText } from './lacking-pods.ts'
import { outdatedText } from './outdated-guards.ts'
import { isPaused, pausedFindings } from './paused.ts'
import { aroundGuard, type ConditionFinding, latchEnforced, notReady, reportConditions } from './report.ts'
import { type SliceTooLarge, tooLargeText } from './slice-too-large.ts'

interface ObservedService {
  readonly object: GuardedService
  readonly resolved: ResolvedService
  readonly schemaFault?: string | undefined
  /** What the guards say; undefined until the issuers were asked. */
  readonly report: ServiceReport | undefined
  /** What became of the NetworkPolicy; undefined when none is asked for. */
  readonly isolation?: ConditionFinding | undefined
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
    conditions: reportConditions(
      previous?.conditions,
      generation,
      now,
      pausedFindings(
        [
          acceptance,
          readiness(observed, acceptance),
          enforced,
          ...(isolation ? [isolation] : []),
          ...stalled(object, enforced),
        ],
        isPaused(object) ? { left: policyLeft, withheld: false } : undefined,
      ),
    ),
    ...(resolved.claim === 'held' && { audience: resolved.audience }),
    ...(resolved.claim === 'taken' && { refusedAudience: resolved.audience }),
    ...counts(report, previous),
    ...(accepted && revision !== undefined && { revision }),
  }
}

const policyLeft = 'The NetworkPolicy is left as it is; guards decide by the spec all the same.'

/** What was counted last stands until the issuers are asked again. */
function counts(
  report: ServiceReport | undefined,
  previous: GuardedServiceStatus | undefined,
): Partial<GuardedServiceStatus> {
  const { guards, wouldDeny, lacking, guardVersions } = report ? countsOf(report) : (previous ?? {})
  return {
    ...(guards !== undefined && { guards }),
    ...(wouldDeny !== undefined && { wouldDeny }),
    ...(lacking !== undefined && { lacking }),
    ...(guardVersions !== undefined && { guardVersions }),
  }
}

function countsOf(report: ServiceReport) {
  return {
    guards: `${report.current}/${report.total}`,
    wouldDeny: report.wouldDeny,
    lacking: countedLacks(report.lacking),
    guardVersions: versionsText(report.versions),
  }
}

function accept({ resolved, schemaFault }: ObservedService): ConditionFinding {
  if (schemaFault !== undefined) return { type: 'Accepted', status: 'False', reason: 'Invalid', message: schemaFault }
  const { accepted, reason, message } = resolved
  // Not read is not refused.
  const status = accepted ? 'True' : reason === 'OpenApiUnread' ? 'Unknown' : 'False'
  return { type: 'Accepted', status, reason, message }
}

/**
 * What only a person can mend: calls that nobody decides about, where the policy is to be enforced, and guards that
 * cannot be told of it.
 */
function stalled({ spec }: GuardedService, { reason, message }: ConditionFinding): ConditionFinding[] {
  if (reason === 'SliceTooLarge') return [{ type: 'Stalled', status: 'True', reason, message }]
  if ((spec.mode ?? 'Enforce') !== 'Enforce' || !aroundGuard.includes(reason)) return []
  return [{ type: 'Stalled', status: 'True', reason, message }]
}

function readiness(
  { object, resolved, report, isolation }: ObservedService,
  acceptance: ConditionFinding,
): ConditionFinding {
  const { reason, message } = resolved
  if (acceptance.status !== 'True') return notReady(acceptance)
  if (reason === 'OpenApiOutdated') return { type: 'Ready', status: 'False', reason, message }
  if (isolation?.status === 'False')
    return { type: 'Ready', status: 'False', reason: 'NotIsolated', message: isolation.message }
  const silent = report ? silence(report.notListening) : toldBefore(object, 'Ready', 'NothingListens')
  if (silent !== undefined) return { type: 'Ready', status: 'True', reason: 'NothingListens', message: silent }
  const outdated = report
    ? report.outdated && outdatedText(report.outdated)
    : toldBefore(object, 'Ready', 'GuardsOutdated')
  if (outdated !== undefined) return { type: 'Ready', status: 'True', reason: 'GuardsOutdated', message: outdated }
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'The policy is published.' }
}

/** Not asked yet, as after a restart: what was said of this generation stands. */
function toldBefore({ metadata, status }: GuardedService, type: string, reason: string): string | undefined {
  const before = status?.conditions?.find(condition => condition.type === type)
  return before?.reason === reason && before.observedGeneration === metadata.generation ? before.message : undefined
}

/** The policy is as it should be, and yet no call is answered. */
function silence(pods: readonly string[]): string | undefined {
  if (pods.length === 0) return undefined
  return `The policy is published, but nothing listens where the guard reaches the app: ${nameSome(pods, 3)}. Calls there are answered 502. Name the app's port in the pod annotation latchkey.dev/upstream-port, and let it listen on 127.0.0.1; or its socket in latchkey.dev/upstream-socket.`
}

function enforcement(observed: ObservedService, accepted: boolean): ConditionFinding {
  const { object, resolved, report } = observed
  const say = (status: ConditionFinding['status'], reason: string, message: string): ConditionFinding => ({
    type: 'Enforced',
    status,
    reason,
    message,
  })
  if (!accepted) return say('False', 'Waiting', resolved.published ? asBefore : denying)
  const command = bypassCommand(object, resolved)
  if (command !== undefined && !report?.central) {
    const stands = report ? undefined : toldBefore(object, 'Enforced', 'ServiceBypassesGuard')
    return say('False', 'ServiceBypassesGuard', stands ?? bypassMessage(observed, command))
  }
  if (!report) return latchEnforced(object.status?.conditions, object.metadata.generation, undefined)
  if (report.total === 0) {
    return selectsPods(resolved)
      ? say('True', 'NoGuards', noPod(nameOf(object)))
      : say('Unknown', 'NoGuards', unseenEndpoints)
  }
  if (report.exposed.length > 0) {
    return say('False', 'DirectAccess', directAccessMessage(object, report.exposed))
  }
  if (report.tooLarge) return say('False', 'SliceTooLarge', tooLargeMessage(object, report, report.tooLarge))
  if (report.current === report.total) return say('True', 'Enforced', command === undefined ? everyPod : centralOnly)
  return say(
    'False',
    'Waiting',
    `${report.current} of ${report.total} pods have a guard that holds the current revision.${lackingText(report.lacking, nameOf(object))}`,
  )
}

/** What keeps other pods from the policy is told behind it. */
function tooLargeMessage(object: GuardedService, report: ServiceReport, tooLarge: SliceTooLarge): string {
  const others = report.lacking.filter(({ lack }) => lack !== 'SliceTooLarge')
  const counted = `${report.current} of ${report.total} pods have a guard that holds the current revision.`
  return `${tooLargeText(tooLarge, report.central === true)} ${counted}${lackingText(others, nameOf(object))}`
}

function nameOf({ metadata }: GuardedService): { namespace: string; name: string } {
  return { namespace: metadata.namespace ?? '', name: metadata.name }
}

function refuses({ spec }: GuardedService): boolean {
  return (spec.directAccess ?? 'Refuse') === 'Refuse'
}

function directAccessMessage(object: GuardedService, exposed: readonly string[]): string {
  const follows = refuses(object)
    ? 'directAccess: Refuse keeps these pods out of the Service'
    : 'callers that know the address go around the guard'
  return `${exposedText(exposed)}; ${follows}. Let it listen on 127.0.0.1. Pods made from now on get HOST=127.0.0.1 where their template sets no HOST: if the app takes it, roll out again.`
}

/** First what keeps pods from their traffic, then the way to the guard, and the command at the end. */
function bypassMessage(observed: ObservedService, command: string): string {
  const { object, report } = observed
  const exposed = report?.exposed ?? []
  const leads = `The Service's port does not lead to the guard, so nobody decides about its calls; they fail where the app listens on 127.0.0.1 alone${nextStep(observed, command)}`
  if (exposed.length === 0) return leads
  if (!refuses(object)) return `${exposedText(exposed)}; that may be so until the Service leads to the guard. ${leads}`
  return `${exposedText(exposed)}; directAccess: Refuse keeps these pods out of the Service. Set it to Report until the app listens on 127.0.0.1. ${leads}`
}

/** The command, once it loses no call: a pod without a guard gets no traffic from then on. */
function nextStep({ object, report }: ObservedService, command: string): string {
  if (!report) return '. How many pods have one is not known yet; then the command that sends it there stands here.'
  if (report.guarded >= report.total) return `. Run: ${command}`
  const without = lackingText(
    report.lacking.filter(({ lack }) => lack !== 'Behind' && lack !== 'SliceTooLarge'),
    nameOf(object),
  )
  return `. ${report.guarded} of ${report.total} pods have one.${without} Once all have, the command that sends it there stands here.`
}

const denying = 'The service is not accepted, so its guards get no policy and deny.'
const asBefore = 'The service is not accepted, but its policy is published: guards that it has, or gets, decide by it.'
/** Endpoints that somebody writes by hand, or a name outside, are none of what is counted here. */
function selectsPods({ target }: ResolvedService): boolean {
  return Object.keys(target?.service.spec?.selector ?? {}).length > 0
}

/** Which pods cannot be made, and why, only their workload says. */
const noPod = ({ namespace }: { namespace: string }) =>
  `No pod is behind the Service. If there should be some and they cannot be made, their workload says why: kubectl describe replicasets -n ${namespace}`
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
