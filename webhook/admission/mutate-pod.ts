import { guardLabel } from '../../core/api/labels.ts'
import { isRecord } from '../../core/base/is-record.ts'
import type { InjectionSettings } from '../injection/guard-container.ts'
import { injectGuard } from '../injection/inject-guard.ts'
import { jsonPatch } from '../injection/json-patch.ts'
import type { Pod } from '../injection/pod.ts'
import type { LookAtService } from './checks/look-at-service.ts'
import type { AdmissionRequest, Verdict } from './review.ts'

/** Injects the guard into a new labelled pod; anything else passes as it is. */
export async function mutatePod(
  request: AdmissionRequest,
  settings: InjectionSettings,
  look: LookAtService,
): Promise<Verdict> {
  if (!isAboutPod(request) || request.operation !== 'CREATE' || request.subResource) return { allowed: true }
  const { object, namespace } = request
  if (!isPodShaped(object) || !namespace) {
    return { allowed: false, code: 400, message: 'request.object is not a Pod, or request.namespace is missing' }
  }
  const name = object.metadata?.labels?.[guardLabel]
  if (name === undefined) return { allowed: true }
  const injection = injectGuard(object, namespace, settings, await look(namespace, name))
  if ('refused' in injection) return { allowed: false, code: 422, message: injection.refused }
  return { allowed: true, warnings: injection.warnings, patch: jsonPatch(object, injection.pod) }
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
