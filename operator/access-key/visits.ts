import type { AccessKey } from '../../core/api/access-key.ts'
import type { SecretObject } from '../../core/keys/secret-data.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'

/** What a visit knows of its AccessKey: as it was read, with what the API server answered to writes since. */
export interface Visit {
  /** @returns what a pass may begin with instead of reading, once for each write; undefined: it has to read */
  take(): (AccessKey & KubeObject) | undefined
  read(accessKey: (AccessKey & KubeObject) | undefined): void
  /** A Secret as it was read or answered, by its name; absent: neither. */
  readonly secrets: Map<string, (SecretObject & KubeObject) | undefined>
  /** A write was answered, of a Secret or of the status that is given. */
  wrote(accessKey?: AccessKey & KubeObject): void
}

/**
 * Visits of AccessKeys by `namespace/name`. A pass makes one write at most; the pass behind it needs nothing that the
 * answer does not say, and what the watch then tells of our own writes is no news.
 */
export interface Visits {
  /** Passes one behind the other, until one writes nothing. Each begins with what the write before it was answered with. */
  visit(key: string, pass: () => Promise<Requeue>): Promise<Requeue>
  /** The visit that is under way. */
  of(key: string): Visit | undefined
  /** A version came by the watch. @returns whether a visit has seen to it, or will */
  covers(key: string, version: string): boolean
  /** Whether the watch is still to tell of what a visit has written. */
  awaits(key: string): boolean
  /** The AccessKey is gone. */
  forget(key: string): void
}

/** A rotation takes four. What goes on longer takes its turn behind others. */
const mostPasses = 8

interface UnderWay extends Visit {
  /** Of the AccessKey: those that were read, or written here. */
  readonly read: Visit['read']
  readonly versions: Set<string>
  readonly written: Set<string>
  /** Versions that the watch told of meanwhile. */
  readonly came: Set<string>
  hasAnswer(): boolean
}

/** @param onMissed somebody else changed the AccessKey meanwhile, and no pass has looked at that */
export function createVisits(onMissed: (key: string) => void): Visits {
  const underWay = new Map<string, UnderWay>()
  /** Versions that visits have written and the watch has not told of yet. */
  const due = new Map<string, Set<string>>()

  async function passes(visit: UnderWay, pass: () => Promise<Requeue>): Promise<{ requeue: Requeue; rests: boolean }> {
    for (let count = 1; ; count++) {
      const requeue = await pass()
      const rests = !visit.hasAnswer()
      if (rests || count === mostPasses) return { requeue, rests }
    }
  }

  function end(key: string, visit: UnderWay, rests: boolean): void {
    underWay.delete(key)
    const left = rests ? [...visit.written].filter(version => !visit.came.has(version)) : []
    if (left.length > 0) due.set(key, new Set(left))
    else due.delete(key)
    const isMissed = [...visit.came].some(version => !rests || !visit.versions.has(version))
    if (isMissed) onMissed(key)
  }

  return {
    async visit(key, pass) {
      const visit = createVisit()
      underWay.set(key, visit)
      let rests = false
      try {
        const outcome = await passes(visit, pass)
        rests = outcome.rests
        return outcome.requeue
      } finally {
        end(key, visit, rests)
      }
    },
    of: key => underWay.get(key),
    covers(key, version) {
      const visit = underWay.get(key)
      if (visit) {
        visit.came.add(version)
        return true
      }
      const versions = due.get(key)
      if (!versions?.delete(version)) return false
      if (versions.size === 0) due.delete(key)
      return true
    },
    awaits: key => due.has(key),
    forget: key => void due.delete(key),
  }
}

function createVisit(): UnderWay {
  const versions = new Set<string>()
  const written = new Set<string>()
  const came = new Set<string>()
  const secrets = new Map<string, (SecretObject & KubeObject) | undefined>()
  let found: (AccessKey & KubeObject) | undefined
  let isAnswered = false

  function keep(accessKey: (AccessKey & KubeObject) | undefined): void {
    found = accessKey
    const version = accessKey?.metadata.resourceVersion
    if (version !== undefined) versions.add(version)
  }

  const isOvertaken = (): boolean => [...came].some(version => !versions.has(version))

  return {
    versions,
    written,
    came,
    secrets,
    hasAnswer: () => isAnswered,
    take() {
      const taken = isAnswered && !isOvertaken() ? found : undefined
      isAnswered = false
      return taken
    },
    read(accessKey) {
      secrets.clear()
      keep(accessKey)
    },
    wrote(accessKey) {
      isAnswered = true
      if (!accessKey) return
      keep(accessKey)
      written.add(accessKey.metadata.resourceVersion ?? '')
    },
  }
}
