import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Documents } from '../../cluster/openapi/documents.ts'
import type { Steps } from '../../core/base/steps.ts'
import { heartbeatMs } from '../../core/rows/frames.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import { driveSteps } from '../../platform/drive-steps.ts'
import { createBudget } from '../../platform/fair/budget.ts'
import { createFairQueue } from '../../platform/fair/fair-queue.ts'
import { markStream } from '../../platform/http/exchanges.ts'
import { sendProblem } from '../../platform/http/problem.ts'
import type { Logger } from '../../platform/log.ts'
import type { StreamAuthorizer, StreamRefusal, StreamRight } from '../authenticate/authorize.ts'
import { keepAuthorized } from '../authenticate/reauthorize.ts'
import type { FairReviewer } from '../authenticate/review-fairly.ts'
import type { Holder } from '../authenticate/token-review.ts'
import type { Objects } from '../objects.ts'
import { line } from '../slices/slice-view.ts'
import type { Slices } from '../slices/slices.ts'
import type { Usage } from '../usage/usage.ts'
import { parseHeld, parseHello, readLines } from './guard-lines.ts'
import { createGuardStream, type GuardStream } from './guard-stream.ts'
import { createLinePace } from './line-pace.ts'
import type { Pace } from './paced-writer.ts'

const helloMs = 10_000
/** Streams, by the namespace of their service; fewer than the port has places, so that the operator finds one. */
const streamPlaces = { sum: 1_920, perPeer: 1_280 }
/** Streams of one pod that stands behind services: a guard has one, and a pod may stand behind several. */
export const streamsPerPod = 8
/** Pieces of 64 KiB, and what TLS makes of them, that are under way at one time, by namespace. */
const turns = { running: 256, waiting: 4_096, waitingPerPeer: 4_096 }

const podGone = { code: 'forbidden', message: 'The pod is gone or no longer behind the service.' } as const
const draining = { code: 'draining', message: 'This replica stops; connect to another one.' } as const

/** The connected guards and the handler that lets them in. */
export interface SnapshotServer {
  /** For a request whose token was reviewed. */
  serve(request: IncomingMessage, response: ServerResponse, token: string, holder: Holder): Promise<void>
  streams(): Iterable<GuardStream>
  /** How many there have been. */
  opened(): number
  /** How many were dropped because their guard did not read. */
  stalled(): number
  /** How often one was not read from because its pod or its namespace had sent too much. */
  slowed(): number
  /** Ends every stream and lets none in any more, telling the guards to go to another replica. */
  drain(): void
}

export interface SnapshotServerParts {
  slices: Slices
  objects: Objects
  documents: Pick<Documents, 'seenOf'>
  authorizer: StreamAuthorizer
  reviewer: Pick<FairReviewer, 'reviewAgain'>
  usage: Pick<Usage, 'take'>
  log: Logger
  clock?: Clock
}

export function createSnapshotServer(parts: SnapshotServerParts): SnapshotServer {
  const { slices, objects, documents, authorizer, log, clock = systemClock } = parts
  const streams = new Map<string, GuardStream>()
  const checks = new Map<GuardStream, () => void>()
  const places = createBudget(streamPlaces)
  const ofPods = createBudget({ sum: streamPlaces.sum, perPeer: streamsPerPod })
  const linePace = createLinePace({ clock, log })
  const pace: Pace = { turns: createFairQueue(turns), onStalled: () => stalled++ }
  let counter = 0
  let opened = 0
  let stalled = 0
  let isDraining = false
  let cancelBeat = clock.after(heartbeatMs, beat)
  let isBeating = false
  let leaveBeat = (): void => {}

  function beat(): void {
    cancelBeat = clock.after(heartbeatMs, beat)
    slices.flush()
    // One that takes so long goes on: begun anew it would never come to the last guards.
    if (isBeating) return
    isBeating = true
    // A change must not wait for a thousand heartbeats.
    leaveBeat = driveSteps(beating(), outcome => {
      isBeating = false
      if ('error' in outcome) throw outcome.error
    })
  }

  function* beating(): Steps<void> {
    // A pod that does not end in its time loses its right without an event.
    for (const check of checks.values()) {
      check()
      yield
    }
    for (const slice of slices.all()) {
      slice.prune(clock.now())
      yield
    }
    // Of one view in one step: a heartbeat that tells of less than a frame before it ends the stream.
    for (const [view, those] of Map.groupBy(streams.values(), stream => stream.view)) {
      const heartbeat = view.heartbeat()
      for (const stream of those) stream.beat(heartbeat)
      yield
    }
  }

  slices.onRemoved(key => {
    for (const stream of streams.values()) {
      if (stream.slice.key === key) stream.end('service_not_found', `The GuardedService ${key} is gone.`)
    }
  })

  const recheck = (concerned: (stream: GuardStream) => boolean): void => {
    for (const [stream, check] of checks) if (concerned(stream)) check()
  }
  objects.pods.onChange(({ object }) => recheck(({ holder }) => holder.pod?.name === object.metadata.name))
  objects.targets.onChange(({ object }) => recheck(({ slice }) => isIn(slice.key, object.metadata.namespace)))
  objects.services.onChange(({ type, key }) => {
    // One that went is told so when its slice goes; see onRemoved.
    if (type !== 'deleted') recheck(({ slice }) => slice.key === key)
  })

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    token: string,
    holder: Holder,
  ): Promise<void> {
    const lines = readLines(request)
    const hello = await firstHello(request, lines, clock)
    if (!hello) return malformed(response)
    const answer = await authorizer.authorize(holder, hello.slice)
    if ('refusal' in answer) return refuse(response, answer.refusal)
    await new Promise<void>(resolve => slices.whenCurrent(hello.slice, resolve))
    // Making a slice takes its time: what was so before need not be so now.
    if (isDraining) return refuse(response, draining)
    const slice = slices.get(hello.slice)
    if (!slice) return refuse(response, notYet(hello.slice, objects))
    if (answer.right === 'pod' && !authorizer.isPodBehind(holder, hello.slice)) return refuse(response, podGone)
    if (response.destroyed) return
    response.writeHead(200, {
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
      connection: 'close',
    })
    markStream(response)
    response.flushHeaders()
    request.socket.setNoDelay(true).setKeepAlive(true, 30_000)
    // Listens for the end before it is asked for frames, so that nothing is missed between the two.
    const stream = createGuardStream({
      slice,
      slices,
      objects,
      holder,
      hello,
      response,
      pace,
      clock,
      ownSeen: () => documents.seenOf(hello.slice),
    })
    admit(stream, { token, right: answer.right })
    try {
      for await (const text of lines) {
        await linePace.take(holder, text.length, () => takeLine(stream, text), stream.ended)
        // What it sends now is of no use. Its connection ends once it has read why.
        if (stream.ended.aborted) await closed(response)
      }
    } catch (error) {
      log.debug({ err: error }, 'a guard went away')
    }
    stream.end('closed', 'The guard ended its side.')
  }

  function takeLine(stream: GuardStream, text: string): void {
    const said = parseHeld(text)
    if (!said) return void stream.end('request_malformed', 'A line is neither hello nor held.')
    const { used, ...held } = said
    stream.take(held)
    if (used) parts.usage.take(stream.slice, used)
  }

  /** One stream per pod and service: a guard that came back is the same guard. */
  function admit(stream: GuardStream, granted: { token: string; right: StreamRight }): void {
    const id = stream.holder.pod ? `${stream.holder.pod.uid} ${stream.slice.key}` : `stream ${counter++}`
    streams.get(id)?.end('replaced', 'The same pod opened another stream.')
    if (stream.ended.aborted) return
    const full = () => stream.end('too_many_streams', 'This replica has too many guards of one namespace.')
    const place = places.take(stream.slice.key.split('/', 1)[0] ?? '', 1, full)
    if (!place) return void full()
    const ofPod = granted.right === 'pod' ? ofPods.take(stream.holder.pod?.uid ?? '', 1, () => {}) : undefined
    if (granted.right === 'pod' && !ofPod) {
      place.release()
      return void stream.end('too_many_streams', `This pod has ${streamsPerPod} streams already.`)
    }
    streams.set(id, stream)
    opened++
    stream.ended.addEventListener('abort', () => {
      place.release()
      ofPod?.release()
      if (streams.get(id) === stream) streams.delete(id)
      checks.delete(stream)
    })
    checks.set(stream, keepAuthorized(stream, granted, { ...parts, clock }))
    log.debug({ service: stream.slice.key, guards: streams.size }, 'guard connected')
  }

  return {
    serve,
    streams: () => streams.values(),
    opened: () => opened,
    stalled: () => stalled,
    slowed: linePace.slowed,
    drain() {
      isDraining = true
      cancelBeat()
      leaveBeat()
      for (const stream of streams.values()) stream.end(draining.code, draining.message)
    },
  }
}

function isIn(key: string, namespace: string | undefined): boolean {
  return key.startsWith(`${namespace}/`)
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise(resolve => {
    if (response.destroyed) resolve()
    else response.once('close', resolve)
  })
}

async function firstHello(request: IncomingMessage, lines: AsyncGenerator<string>, clock: Clock) {
  const cancel = clock.after(helloMs, () => request.destroy())
  try {
    const { value, done } = await lines.next()
    return done ? undefined : parseHello(value)
  } catch {
    return undefined
  } finally {
    cancel()
  }
}

function malformed(response: ServerResponse): void {
  const headers = { connection: 'close' }
  sendProblem(response, { status: 400, code: 'request_malformed', title: 'The first line must be a hello', headers })
}

function refuse(response: ServerResponse, refusal: StreamRefusal): void {
  const status = { forbidden: 403, service_not_found: 404, not_ready: 503, draining: 503 }[refusal.code]
  response.writeHead(status, {
    'content-type': 'application/x-ndjson',
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(line({ end: refusal }))
}

function notYet(service: string, objects: Pick<Objects, 'services'>): StreamRefusal {
  if (objects.services.store.has(service)) {
    return { code: 'not_ready', message: `The OpenAPI document of ${service} has not been read yet.` }
  }
  return { code: 'service_not_found', message: `There is no GuardedService ${service} in this installation.` }
}
