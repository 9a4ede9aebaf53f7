import { hash } from 'node:crypto'
import { type AdmissionQuestion, admissionPath } from '../../core/api/admission-path.ts'
import { type Clock, sleep } from '../../platform/clock.ts'
import { createBudget } from '../../platform/fair/budget.ts'
import type { KubeClient, KubeObject, Resource } from '../../platform/kube/client.ts'
import { mutatingWebhooks, validatingWebhooks } from '../../platform/kube/resources.ts'
import type { Logger } from '../../platform/log.ts'

/** What a request to a path is for; at a path that both configurations name, the review's kind tells. */
export type PathQuestion = AdmissionQuestion | 'either'

/** Which paths are listened to. */
export interface KnownPaths {
  /** What is asked at this path, or undefined: nobody is listened to there. Looks anew before it says so. */
  find(path: string, peer: string): Promise<PathQuestion | undefined>
  /** The random part that the Secret holds now. */
  setRandomPart(part: string | undefined): void
  /** Resolves when the configurations were read once; from then on they are read now and then. */
  start(): Promise<void>
  /** Why nobody can be listened to yet, or undefined. */
  fault(): string | undefined
  stop(): void
}

interface Configuration extends KubeObject {
  webhooks?: { clientConfig?: { service?: { path?: string }; url?: string } }[]
}

const configurations: readonly (readonly [AdmissionQuestion, Resource])[] = [
  ['validate', validatingWebhooks],
  ['mutate', mutatingWebhooks],
]

const readEveryMs = 10_000
/** Strangers can make us look this often and no oftener; who asks in between waits for the next look. */
const lookAgainMs = 1_000
const patienceMs = 2_000
/** Who asks at a path that is not known waits for the next look; the API server does so but for moments. */
const mostWaiting = { sum: 128, perPeer: 64 }
/** API servers learn of a configuration a moment after it was written. */
const keptMs = 60_000

/**
 * The paths that end in the Secret's random part, and whatever the configurations name now or named a minute ago: the
 * path of another release, or none at all, is taken for as long as the API server is told to ask there.
 */
export function createKnownPaths(options: {
  readonly client: Pick<KubeClient, 'get'>
  readonly fullname: string
  readonly clock: Clock
  readonly log: Logger
}): KnownPaths {
  const { client, fullname, clock, log } = options
  let random = new Map<string, PathQuestion>()
  /** By digest, with the time until which it counts. */
  const named = new Map<string, { question: PathQuestion; until: number }>()
  let readAt: number | undefined
  let triedAt = Number.NEGATIVE_INFINITY
  let next: Promise<void> | undefined
  let lastFault: string | undefined
  const waiting = createBudget(mostWaiting)
  let cancel: (() => void) | undefined
  let stopped = false

  async function read(): Promise<void> {
    const found = new Map<string, PathQuestion>()
    for (const [question, resource] of configurations) {
      const one = await client.get<Configuration>(resource, undefined, fullname)
      for (const path of pathsOf(one)) {
        const key = digest(path)
        const other = found.get(key)
        found.set(key, other !== undefined && other !== question ? 'either' : question)
      }
    }
    const now = clock.now()
    for (const [key, { until }] of named) if (until < now) named.delete(key)
    for (const [key, question] of found) named.set(key, { question, until: now + keptMs })
    readAt = now
  }

  /** One look for all who wait, and not more often than once a second. */
  function look(): Promise<void> {
    const waitMs = triedAt + lookAgainMs - clock.now()
    next ??= (waitMs > 0 ? sleep(clock, waitMs) : Promise.resolve()).then(async () => {
      triedAt = clock.now()
      // Who asks from here on may know of something that this look is too early for.
      next = undefined
      try {
        await read()
        lastFault = undefined
      } catch (error) {
        const fault = error instanceof Error ? error.message : 'unknown'
        if (fault !== lastFault) log.warn({ err: error }, 'the webhook configurations could not be read')
        lastFault = fault
      }
    })
    return next
  }

  function known(path: string): PathQuestion | undefined {
    const key = digest(path)
    const entry = named.get(key)
    return random.get(key) ?? (entry && entry.until >= clock.now() ? entry.question : undefined)
  }

  /** While the API server is away nothing it was told before is forgotten. */
  function keep(): void {
    const until = clock.now() + keptMs
    for (const entry of named.values()) if (entry.until > clock.now()) entry.until = until
  }

  async function again(): Promise<void> {
    const before = readAt
    await look()
    if (readAt === before) keep()
    if (!stopped) cancel = clock.after(readAt === undefined ? lookAgainMs : readEveryMs, () => void again())
  }

  return {
    async find(path, peer) {
      const found = known(path)
      if (found) return found
      await new Promise<void>(resolve => {
        const place = waiting.take(peer, 1, done)
        if (!place) return resolve()
        const end = clock.after(patienceMs, done)
        void look().then(done)
        function done(): void {
          end()
          place?.release()
          resolve()
        }
      })
      return known(path)
    },
    setRandomPart(part) {
      const questions: readonly AdmissionQuestion[] = part === undefined ? [] : ['validate', 'mutate']
      random = new Map(questions.map(question => [digest(admissionPath(question, part ?? '')), question]))
    },
    start: again,
    fault: () => (readAt === undefined ? 'the webhook configurations were not read yet' : undefined),
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

function pathsOf(one: Configuration | undefined): string[] {
  return (one?.webhooks ?? []).flatMap(({ clientConfig }) => {
    if (clientConfig?.service) return [clientConfig.service.path || '/']
    return clientConfig?.url !== undefined && URL.canParse(clientConfig.url) ? [new URL(clientConfig.url).pathname] : []
  })
}

/** Looked up by what nobody can steer: how long it takes says nothing of the path. */
function digest(path: string): string {
  return hash('sha256', path, 'base64')
}
