import {
  type AdmissionQuestion,
  admissionPath,
  admissionPathAnnotation,
  admissionPathRandom,
} from '../../core/api/admission-path.ts'
import type { KubeObject } from '../../platform/kube/client.ts'

/** A webhook configuration, as far as the path is concerned. */
export interface WebhookConfiguration extends KubeObject {
  webhooks?: { name: string; clientConfig: { service?: { path?: string }; caBundle?: string } }[]
}

/** RFC 6902, the operations that are needed. */
export type PathOperation = { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }

/** Whom the field of the path belongs to while it is written. */
export const pathManager = 'latchkey-admission-path'

/** Whether the configuration's maker left the path to the operator: an older chart names one, and that one stands. */
export function leavesPath({ metadata }: WebhookConfiguration): boolean {
  return metadata.annotations?.[admissionPathAnnotation] === admissionPathRandom
}

/**
 * What brings the configuration to this random part; empty when it has it. Bound to the version that was read: places
 * in the list mean something else in another one, and a maker that took the path back is not overruled.
 */
export function planPath(
  configuration: WebhookConfiguration,
  question: AdmissionQuestion,
  part: string,
): readonly PathOperation[] {
  const value = admissionPath(question, part)
  const changes = (configuration.webhooks ?? []).flatMap<PathOperation>(({ clientConfig: { service } }, at) =>
    service === undefined || service.path === value
      ? []
      : [{ op: 'add', path: `/webhooks/${at}/clientConfig/service/path`, value }],
  )
  return changes.length === 0 ? [] : [asRead(configuration), ...changes]
}

/**
 * What makes the path nobody's: a chart that names one again, as on a rollback, would otherwise be refused by
 * server-side apply for the sake of ours. Empty when it is nobody's.
 */
export function planRelease(configuration: WebhookConfiguration): readonly PathOperation[] {
  const fields = (configuration.metadata.managedFields ?? []) as { manager?: string }[]
  const others = fields.filter(({ manager }) => manager !== pathManager)
  // An empty list would make the API server take everything for somebody's.
  if (others.length === fields.length || others.length === 0) return []
  return [asRead(configuration), { op: 'replace', path: '/metadata/managedFields', value: others }]
}

/** Refused with 409 when it is another version by now. */
function asRead({ metadata }: WebhookConfiguration): PathOperation {
  return { op: 'replace', path: '/metadata/resourceVersion', value: metadata.resourceVersion }
}
