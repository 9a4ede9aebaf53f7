import { guardLabel } from '../../core/api/labels.ts'
import { isRecord } from '../../core/base/is-record.ts'
import type { InjectionSettings } from '../injection/guard-container.ts'
import { injectGuard } from '../injection/inject-guard.ts'
import { jsonPatch } from '../injection/json-patch.ts'
import { bindsLoopback, leadWarnings } from '../injection/lead.ts'
import type { Pod } from '../injection/pod.ts'
import type { LookAtService } from './checks/look-at-service.ts'
import type { AdmissionRequest, Verdict } from './review.ts'

/** A pod that gets the guard. What it becomes beside it depends on where its Service leads. */
export interface OpenPod {
  readonly namespace: string
  /** Name of the GuardedService. */
  readonly service: string
  /** The patch, as JSON, with the app on loopback and without. */
  readonly patches: { readonly loopback: string; readonly elsewhere: string }
  readonly warnings: readonly string[]
}

/** What can be said without asking: a new labelled pod is refused or gets the guard, anything else passes as it is. */
export function examinePod(request: AdmissionRequest, settings: InjectionSettings): Verdict | OpenPod {
  if (!isAboutPod(request) || request.operation !== 'CREATE' || request.subResource) return { allowed: true }
  const { object, namespace } = request
  if (!isPodShaped(object) || !namespace) {
    return { allowed: false, code: 400, message: 'request.object is not a Pod, or request.namespace is missing' }
  }
  const service = object.metadata?.labels?.[guardLabel]
  if (service === undefined) return { allowed: true }
  const loopback = injectGuard(object, namespace, settings, 'ToGuard')
  if ('refused' in loopback) return { allowed: false, code: 422, message: loopback.refused }
  const elsewhere = injectGuard(object, namespace, settings, 'PastGuard')
  if ('refused' in elsewhere) return { allowed: false, code: 422, message: elsewhere.refused }
  const patches = { loopback: patchOf(object, loopback.pod), elsewhere: patchOf(object, elsewhere.pod) }
  return { namespace, service, patches, warnings: loopback.warnings }
}

/** Decides by where the Service leads now. */
export async function concludePod(open: OpenPod, look: LookAtService): Promise<Verdict> {
  const { namespace, service, patches, warnings } = open
  const lead = await look(namespace, service)
  return {
    allowed: true,
    warnings: [...warnings, ...leadWarnings(lead, `${namespace}/${service}`)],
    patch: bindsLoopback(lead) ? patches.loopback : patches.elsewhere,
  }
}

function patchOf(before: Pod, after: Pod): string {
  const operations = jsonPatch(before, after)
  return operations.length > 0 ? JSON.stringify(operations) : ''
}

export function isAboutPod({ kind }: AdmissionRequest): boolean {
  return kind.group === '' && kind.kind === 'Pod'
}

/** The API server sends well-formed pods; from anybody else a shape is all that is asked for. */
function isPodShaped(value: unknown): value is Pod {
  if (!isRecord(value) || !isRecord(value.spec)) return false
  const { containers, initContainers = [], volumes = [] } = value.spec
  return [containers, initContainers, volumes].every(list => Array.isArray(list) && list.every(isRecord))
}
