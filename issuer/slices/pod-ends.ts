import { endOfPod } from '../../core/registry/client-row.ts'
import type { PodObject } from '../../core/registry/kubernetes.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Change, Reflector } from '../../platform/kube/reflector.ts'

/**
 * Calls back when a pod that was deleted should be gone and is not: no change tells of that, and nobody may speak for it
 * any more.
 * @returns a function that ends it
 */
export function followPodEnds(
  pods: Pick<Reflector<PodObject>, 'onChange'>,
  clock: Clock,
  onEnd: (pod: PodObject) => void,
): () => void {
  const waiting = new Map<string, () => void>()

  function wait(key: string, pod: PodObject, end: number): void {
    const leftMs = end * 1_000 - clock.wallMs()
    if (leftMs > 0)
      return void waiting.set(
        key,
        clock.after(leftMs, () => wait(key, pod, end)),
      )
    waiting.delete(key)
    onEnd(pod)
  }

  const stop = pods.onChange(({ type, key, object }: Change<PodObject>) => {
    waiting.get(key)?.()
    waiting.delete(key)
    const end = endOfPod(object)
    if (type !== 'deleted' && end !== undefined) wait(key, object, end)
  })
  return () => {
    stop()
    for (const cancel of waiting.values()) cancel()
    waiting.clear()
  }
}
