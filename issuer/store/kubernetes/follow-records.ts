import type { FollowedType } from '../../../core/base/record-types.ts'
import type { Clock } from '../../../platform/clock.ts'
import type { KubeClient } from '../../../platform/kube/client.ts'
import { createReflector } from '../../../platform/kube/reflector.ts'
import { tokenRecords } from '../../../platform/kube/resources.ts'
import type { Logger } from '../../../platform/log.ts'
import { createHandlers } from '../handlers.ts'
import type { Feed, Follower } from '../store.ts'
import { recordIn, type TokenRecord } from './token-records.ts'

/** The API server sends a bookmark every minute. */
const unknownAfterMs = 120_000

/** Tells of records by a watch of their objects. */
export function followRecords(
  type: FollowedType,
  follower: Follower,
  parts: { client: Pick<KubeClient, 'list' | 'watch'>; namespace: string; clock: Clock; log: Logger },
): Feed {
  const { client, namespace, clock, log } = parts
  const fieldSelector = `spec.type=${type}`
  const reflector = createReflector<TokenRecord>(client, tokenRecords, { namespace, fieldSelector, clock, log })
  const told = createHandlers<string>()
  const ended = new AbortController()
  reflector.onChange(({ type: what, object, resourceVersion }) => {
    if (what === 'deleted') return
    const record = recordIn(object, clock.wallMs())
    if (record) follower(record)
    told.call(resourceVersion)
  })
  // What was deleted before the first list is in it, though no object tells of that.
  void reflector.whenSynced(ended.signal).then(
    () => told.call(reflector.seen() ?? ''),
    () => {},
  )
  reflector.start()
  return {
    name: tokenRecords.plural,
    progress: reflector.seen,
    whenRead: reflector.whenSynced,
    unknownSince() {
      if (!reflector.synced()) return 0
      const silentMs = clock.now() - reflector.lastProgress()
      return silentMs > unknownAfterMs ? Math.floor((clock.wallMs() - silentMs) / 1_000) : undefined
    },
    onTold: told.add,
    onProgress: handler => reflector.onSeen(handler),
    askProgress: reflector.askProgress,
    async stop() {
      ended.abort()
      await reflector.stop()
    },
  }
}
