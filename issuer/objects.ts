import { createIndex, type Index } from '../cluster/index-by.ts'
import { keepIdentity } from '../cluster/projections.ts'
import { createView, type Indexes, type View } from '../cluster/view.ts'
import { createWatches } from '../cluster/watches.ts'
import type { AccessKey } from '../core/api/access-key.ts'
import type { ApiClient } from '../core/api/api-client.ts'
import type { PodObject, ServiceAccountObject } from '../core/registry/kubernetes.ts'
import { serviceAccountOfPod, serviceAccountsOfClient } from '../core/registry/reach.ts'
import type { Seen } from '../core/rows/frames.ts'
import { compareVersions } from '../core/rows/seen.ts'
import type { Clock } from '../platform/clock.ts'
import type { KubeClient, KubeObject } from '../platform/kube/client.ts'
import type { ReflectorTimings } from '../platform/kube/list-watch.ts'
import type { Reflector } from '../platform/kube/reflector.ts'
import { serviceAccounts } from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import type { Feed } from './store/store.ts'

/** The view of the cluster as a replica of the issuer has it, and how far it has come, by plural name of the resource. */
export interface Objects extends View {
  readonly serviceAccounts: Reflector<ServiceAccountObject>
  readonly by: Indexes & {
    /** By `namespace/name` of the ServiceAccount. */
    readonly podsOfAccount: Index<PodObject>
    readonly clientsOfAccount: Index<ApiClient>
    /** By the `kid` of a key that was published. */
    readonly keysOfKid: Index<AccessKey & KubeObject>
  }
  /** Per resource the last version that is included, bookmarks counted: "is this replica new enough?" */
  progress(): Seen
  /**
   * Per resource the version of the first list or the last change, whichever is later. Two replicas that had the same
   * events say the same, though their bookmarks come at other times: this is what guards are told.
   */
  content(): Seen
  /**
   * Takes over what a guard has seen elsewhere, as far as it is included here too: a replica that listed later tells
   * higher versions for the same state, and a guard takes no frame with lower ones.
   */
  claim(seen: Seen): void
  /** Has the API server say soon how far it is where this replica has seen less than that. */
  catchUp(seen: Seen): void
  /** Calls back after every batch of changes and every bookmark of any resource. @returns a function that ends it */
  onProgress(handler: () => void): () => void
  /** Resolves when every list is there. */
  start(signal?: AbortSignal): Promise<void>
  stop(): Promise<void>
}

/** What guards are told beside the objects, that is not read from them: how far it has come counts in the same way. */
export type ProgressFeed = Pick<Feed, 'name' | 'progress' | 'onTold' | 'onProgress' | 'askProgress'>

type Followed = Pick<Feed, 'name' | 'progress' | 'askProgress'>

export function createObjects(
  client: Pick<KubeClient, 'list' | 'watch'>,
  about: { log: Logger; metrics?: Metrics; clock?: Clock; timings?: Partial<ReflectorTimings>; feed?: ProgressFeed },
): Objects {
  const watches = createWatches(client, about)
  const view = createView(watches)
  const accounts = watches.add<ServiceAccountObject>(serviceAccounts, { keep: keepIdentity })
  const all = watches.all().map(({ resource, reflector }) => [resource.plural, reflector] as const)
  const included = new Map<string, string>()
  for (const [name, reflector] of all) reflector.onChange(change => include(name, change.resourceVersion))

  const { feed } = about
  feed?.onTold(version => include(feed.name, version))
  const followed: readonly Followed[] = [
    ...all.map(([name, { seen, askProgress }]) => ({ name, progress: seen, askProgress })),
    ...(feed ? [feed] : []),
  ]

  function include(name: string, version: string): void {
    const known = included.get(name)
    if (known === undefined || compareVersions(known, version) === -1) included.set(name, version)
  }

  return {
    ...view,
    serviceAccounts: accounts,
    by: {
      ...view.by,
      podsOfAccount: createIndex(view.pods, pod => [serviceAccountOfPod(pod)]),
      clientsOfAccount: createIndex(view.clients, serviceAccountsOfClient),
      keysOfKid: createIndex(view.keys, ({ status }) => (status?.keys ?? []).map(({ kid }) => kid)),
    },
    progress: () => Object.fromEntries(followed.flatMap(({ name, progress }) => pair(name, progress()))),
    content: () => Object.fromEntries(included),
    claim(seen) {
      for (const { name, progress } of followed) {
        const version = Object.hasOwn(seen, name) ? seen[name] : undefined
        const order = version === undefined ? undefined : compareVersions(version, progress() ?? '')
        if (version !== undefined && order !== undefined && order <= 0) include(name, version)
      }
    },
    catchUp(seen) {
      for (const { name, progress, askProgress } of followed) {
        const version = Object.hasOwn(seen, name) ? seen[name] : undefined
        if (version !== undefined && compareVersions(progress() ?? '', version) === -1) askProgress()
      }
    },
    onProgress(handler) {
      const ends = [...all.map(([, reflector]) => reflector.onSeen(handler)), feed?.onProgress(handler) ?? (() => {})]
      return () => {
        for (const end of ends) end()
      }
    },
    async start(signal) {
      watches.start()
      await Promise.all(
        all.map(async ([name, reflector]) => {
          await reflector.whenSynced(signal)
          // Deletions before the list are in it, though no object tells of them.
          include(name, reflector.seen() ?? '')
        }),
      )
    },
    stop: watches.stop,
  }
}

function pair(name: string, version: string | undefined): [string, string][] {
  return version === undefined ? [] : [[name, version]]
}
