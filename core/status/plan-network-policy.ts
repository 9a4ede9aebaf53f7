import { guardPorts } from '../api/guarded-pod.ts'
import type { GuardedService } from '../api/guarded-service.ts'
import { apiVersion, type Metadata } from '../api/kind.ts'
import type { ResolvedService } from '../registry/resolve-services.ts'
import { isPaused } from './paused.ts'
import { bypassCommand } from './plan-guarded-service.ts'
import type { ConditionFinding } from './report.ts'

interface Owner {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
}

/** A NetworkPolicy, as far as it is made here. */
export interface NetworkPolicyObject {
  readonly metadata: Metadata & { readonly ownerReferences?: readonly Owner[] }
  readonly spec?: {
    readonly podSelector?: { readonly matchLabels?: Readonly<Record<string, string>> }
    readonly policyTypes?: readonly string[]
    readonly ingress?: readonly { readonly ports?: readonly { readonly port: number; readonly protocol: string }[] }[]
  }
}

/** What is to be done about the policy of one service, and what can be said once it is done. */
export interface NetworkPolicyPlan {
  readonly do: 'nothing' | 'apply' | 'delete'
  /** For `apply`: all fields that are ours. */
  readonly wanted?: NetworkPolicyObject
  /** Absent when nobody asked for a policy. */
  readonly finding?: ConditionFinding
}

interface Observed {
  readonly object: GuardedService
  readonly resolved: ResolvedService
  /** Whether the spec is understood and the service holds its target. */
  readonly accepted: boolean
  /** The policy of that name, whosever it is. */
  readonly found: NetworkPolicyObject | undefined
  /** The annotation latchkey.dev/open-ports of each pod behind the Service that has it. */
  readonly openPorts: readonly string[]
}

const longestName = 253

/** Name of the policy of a service. */
export function networkPolicyName(service: string): string {
  return `latchkey-${service}`.slice(0, longestName).replace(/[^a-z0-9]+$/, '')
}

/** Marks what the operator made. */
const labels = { 'app.kubernetes.io/managed-by': 'latchkey' }

/**
 * A policy is made only once the Service leads to the guard: before, it would cut off the traffic it is to protect.
 * One that is there stays until the spec says None: a Service that is patched must not open the direct way again.
 */
export function planNetworkPolicy(observed: Observed): NetworkPolicyPlan {
  const plan = planAsAsked(observed)
  if (plan.do === 'nothing' || !isPaused(observed.object)) return plan
  return unmet(
    'Paused',
    'The NetworkPolicy is left as it is, though the spec asks for another, or for none: the object is paused.',
  )
}

function planAsAsked(observed: Observed): NetworkPolicyPlan {
  const { object, resolved, accepted, found } = observed
  const mine = found !== undefined && isOwned(found, object)
  if (object.spec.networkPolicy !== 'Generate') return { do: mine ? 'delete' : 'nothing' }
  if (!accepted) {
    return unmet('NotAccepted', resolved.accepted ? 'The spec is not understood.' : resolved.message)
  }
  const name = networkPolicyName(object.metadata.name)
  if (found && !mine) {
    return unmet(
      'NetworkPolicyConflict',
      `The NetworkPolicy ${name} exists and is not of this GuardedService. It stays untouched; delete or rename it.`,
    )
  }
  const selector = resolved.target?.service.spec?.selector ?? {}
  // An empty selector would take in every pod of the namespace.
  if (Object.keys(selector).length === 0) {
    return unmet('NoSelector', `The Service ${object.spec.targetRef.name} selects no pods.`)
  }
  if (!mine && bypassCommand(object, resolved) !== undefined) {
    return unmet(
      'ServiceBypassesGuard',
      "The Service's port does not lead to the guard yet; isolated, its pods would get no traffic.",
    )
  }
  const wanted = policyOf(object, name, selector, observed.openPorts)
  const finding: ConditionFinding = {
    type: 'Isolated',
    status: 'True',
    reason: 'Isolated',
    message: `The NetworkPolicy ${name} lets in the guard's ports and open ports only, where the cluster's network enforces NetworkPolicies.`,
  }
  return found && holds(found, wanted) ? { do: 'nothing', finding } : { do: 'apply', wanted, finding }
}

/** What is said when the operator lacks the right. */
export function forbiddenPolicy(namespace: string | undefined): ConditionFinding {
  return isolated(
    'NetworkPolicyForbidden',
    `The operator may not write NetworkPolicies in namespace ${namespace}; see the ClusterRole of the chart.`,
  )
}

function unmet(reason: string, message: string): NetworkPolicyPlan {
  return { do: 'nothing', finding: isolated(reason, message) }
}

function isolated(reason: string, message: string): ConditionFinding {
  return { type: 'Isolated', status: 'False', reason, message }
}

function isOwned({ metadata }: NetworkPolicyObject, object: GuardedService): boolean {
  return (metadata.ownerReferences ?? []).some(({ uid }) => uid === object.metadata.uid)
}

function policyOf(
  object: GuardedService,
  name: string,
  matchLabels: Readonly<Record<string, string>>,
  openPorts: readonly string[],
): NetworkPolicyObject {
  const { namespace, name: owner, uid = '' } = object.metadata
  const ports = [guardPorts.calls, guardPorts.admin, ...portsIn(openPorts)].map(port => ({ port, protocol: 'TCP' }))
  return {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels,
      ownerReferences: [{ apiVersion, kind: 'GuardedService', name: owner, uid, controller: true }],
    },
    spec: { podSelector: { matchLabels }, policyTypes: ['Ingress'], ingress: [{ ports }] },
  }
}

/** Each port once, in order; what is no list of ports opens none. */
function portsIn(annotations: readonly string[]): number[] {
  const numbers = annotations
    .flatMap(text => text.split(',').map(part => part.trim()))
    .flatMap(part => (/^[1-9][0-9]{0,4}$/.test(part) && Number(part) <= 65_535 ? [Number(part)] : []))
  const own: readonly number[] = Object.values(guardPorts)
  return [...new Set(numbers)].filter(port => !own.includes(port)).sort((a, b) => a - b)
}

/** Compares our fields alone: others may add labels, or rules for what leaves the pods. */
function holds(found: NetworkPolicyObject, wanted: NetworkPolicyObject): boolean {
  const hasLabels = Object.entries(labels).every(([label, value]) => found.metadata.labels?.[label] === value)
  return hasLabels && ownFields(found.spec) === ownFields(wanted.spec)
}

function ownFields({ podSelector = {}, policyTypes = [], ingress = [] }: NetworkPolicyObject['spec'] = {}): string {
  const { matchLabels = {}, ...expressions } = podSelector
  return JSON.stringify([
    Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1)),
    expressions,
    policyTypes.filter(type => type !== 'Egress'),
    ingress.map(({ ports = [], ...peers }) => [ports.map(({ port, protocol }) => [port, protocol]), peers]),
  ])
}
