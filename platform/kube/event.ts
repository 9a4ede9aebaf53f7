import { createHash, randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { type KubeClient, KubeError, type KubeObject, type Resource } from './client.ts'
import { microTime } from './object.ts'

/** `events.k8s.io/v1` Event. */
export const events: Resource = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

export interface EventText {
  type: 'Normal' | 'Warning'
  /** PascalCase, from a closed list. */
  reason: string
  /** What was done or tried, PascalCase. */
  action: string
  /** For people, at most 1024 characters, no secrets. */
  note: string
}

export interface EventRecorder {
  /** Returns at once and never throws. Over the rate, or when the API server refuses, the event is dropped and counted. */
  record(regarding: KubeObject & { apiVersion: string; kind: string }, event: EventText): void
}

interface Series {
  name: string
  namespace: string
  count: number
  lastAt: number
  /** When the API server was last told. */
  sentAt: number
}

// client-go's: the same event within six minutes is one object with a count, and a storm is thinned out.
const seriesMs = 360_000
const seriesUpdateMs = 30_000
const longestMemory = 1_000
const longestQueue = 200
const burst = 25
const perSecond = 1

/**
 * Writes Events in the background, one request at a time. The same event again within six minutes counts up the
 * first one's series, told at most every 30 s. For each namespace and type at most 25 at once and one a second on
 * average: neither a busy namespace nor good news crowds out a warning.
 */
export function createEventRecorder(
  client: Pick<KubeClient, 'create' | 'patch'>,
  options: { reportingController: string; reportingInstance: string; log: Logger; metrics?: Metrics; clock?: Clock },
): EventRecorder {
  const { log, metrics, clock = systemClock } = options
  const known = new Map<string, Series>()
  const queue: (() => Promise<unknown>)[] = []
  const allowed = createBuckets(clock)
  let sending = false

  async function send(): Promise<void> {
    if (sending) return
    sending = true
    for (let next = queue.shift(); next; next = queue.shift()) {
      try {
        await next()
      } catch (error) {
        metrics?.eventsDropped.inc()
        // A namespace that is going takes no new events (403); that is not worth a line each.
        log[error instanceof KubeError ? 'debug' : 'warn']({ err: error }, 'event not recorded')
      }
    }
    sending = false
  }

  function enqueue(from: string, write: () => Promise<unknown>): boolean {
    if (queue.length >= longestQueue || !allowed(from)) {
      metrics?.eventsDropped.inc()
      return false
    }
    queue.push(write)
    void send()
    return true
  }

  function again(from: string, series: Series, now: number): void {
    series.count++
    series.lastAt = now
    if (now - series.sentAt < seriesUpdateMs && series.count > 2) return
    series.sentAt = now
    const body = { series: { count: series.count, lastObservedTime: microTime(new Date(clock.wallMs())) } }
    enqueue(from, () => client.patch(events, series.namespace, series.name, body))
  }

  return {
    record(regarding, event) {
      const now = clock.now()
      const key = keyOf(regarding, event)
      const namespace = regarding.metadata.namespace ?? 'default'
      const from = `${namespace} ${event.type}`
      const series = known.get(key)
      if (series && now - series.lastAt < seriesMs) return again(from, series, now)
      const name = `${regarding.metadata.name.slice(0, 200)}.${randomUUID().replaceAll('-', '').slice(0, 16)}`
      const body = { ...bodyOf(regarding, event, options, new Date(clock.wallMs())), metadata: { name, namespace } }
      if (!enqueue(from, () => client.create(events, body))) return
      known.delete(key)
      known.set(key, { name, namespace, count: 1, lastAt: now, sentAt: now })
      // A Map gives the oldest first.
      for (const oldest of known.keys()) {
        if (known.size <= longestMemory) break
        known.delete(oldest)
      }
    },
  }
}

function keyOf(regarding: KubeObject, { type, reason, action, note }: EventText): string {
  const { uid, namespace, name } = regarding.metadata
  const parts = [regarding.kind, uid, namespace, name, type, reason, action, note]
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64')
}

function bodyOf(
  regarding: KubeObject & { apiVersion: string; kind: string },
  event: EventText,
  by: { reportingController: string; reportingInstance: string },
  now: Date,
) {
  const { name, namespace, uid, resourceVersion } = regarding.metadata
  const { apiVersion, kind } = regarding
  return {
    eventTime: microTime(now),
    regarding: { apiVersion, kind, name, namespace, uid, resourceVersion },
    reportingController: by.reportingController,
    reportingInstance: by.reportingInstance.slice(0, 128),
    type: event.type,
    reason: event.reason.slice(0, 128),
    action: event.action.slice(0, 128),
    note: event.note.slice(0, 1_024),
  }
}

/** A bucket for each name; one that nobody asked for long is forgotten, and would be full again. */
function createBuckets(clock: Clock): (name: string) => boolean {
  const buckets = new Map<string, () => boolean>()
  return name => {
    const bucket = buckets.get(name) ?? createBucket(clock)
    buckets.delete(name)
    buckets.set(name, bucket)
    for (const oldest of buckets.keys()) {
      if (buckets.size <= longestMemory) break
      buckets.delete(oldest)
    }
    return bucket()
  }
}

function createBucket(clock: Clock): () => boolean {
  let tokens = burst
  let filledAt = clock.now()
  return () => {
    const now = clock.now()
    tokens = Math.min(burst, tokens + ((now - filledAt) / 1_000) * perSecond)
    filledAt = now
    if (tokens < 1) return false
    tokens--
    return true
  }
}
