import { isSameJson } from '../core/base/canonical-json.ts'
import { type PlannedEvent, type StoredCondition, transitionEvents } from '../core/status/report.ts'
import { type KubeClient, KubeError, type KubeObject, type Resource } from '../platform/kube/client.ts'
import type { EventRecorder } from '../platform/kube/event.ts'
import type { Requeue } from '../platform/kube/work-queue.ts'

/** The one field manager of everything the operator applies. */
export const fieldManager = 'latchkey-operator'

type WithStatus = KubeObject & { status?: { conditions?: StoredCondition[] | undefined } | undefined }

/** Writes statuses and tells of transitions. */
export interface StatusWriter {
  /**
   * Applies the whole status, if it differs, on the condition that the object is still the one that was read; then
   * records an event if Ready, or Enforced of a GuardedService, means something else now.
   * @returns the object as it stands then; undefined when nothing was written
   * @throws KubeError, 409 when the object has changed since
   */
  write<T extends WithStatus>(
    resource: Resource,
    object: T,
    status: NonNullable<WithStatus['status']>,
  ): Promise<T | undefined>
  record(resource: Resource, object: KubeObject, events: readonly PlannedEvent[]): void
}

export function createStatusWriter(client: Pick<KubeClient, 'apply'>, recorder: EventRecorder): StatusWriter {
  const record: StatusWriter['record'] = (resource, { metadata }, events) => {
    const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`
    for (const event of events) recorder.record({ apiVersion, kind: resource.kind, metadata }, event)
  }
  return {
    record,
    async write<T extends WithStatus>(
      resource: Resource,
      object: T,
      status: NonNullable<WithStatus['status']>,
    ): Promise<T | undefined> {
      if (isSameJson(object.status ?? {}, status)) return undefined
      const { name, namespace, uid, resourceVersion } = object.metadata
      const metadata = {
        name,
        ...(namespace !== undefined && { namespace }),
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      }
      const written = await client.apply(resource, { metadata, status } as unknown as T, {
        fieldManager,
        force: true,
        subresource: 'status',
      })
      const enforcement = resource.kind === 'GuardedService' ? 'live' : 'latched'
      record(resource, object, transitionEvents(object.status?.conditions, status.conditions ?? [], enforcement))
      return written
    },
  }
}

/**
 * Runs a pass that may meet a newer object than it read. The change that it lost to starts another pass; this asks for
 * one too, so that nothing depends on the order in which answers and events arrive.
 */
export async function againOnConflict(pass: () => Promise<Requeue>): Promise<Requeue> {
  try {
    return await pass()
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined
    if (error instanceof KubeError && error.status === 409) return { requeueAfterMs: 200 }
    throw error
  }
}
