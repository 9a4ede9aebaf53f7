import { readFile } from 'node:fs/promises'
import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Steps } from '../../core/base/steps.ts'
import { featureNames } from '../../core/rows/features.ts'
import { type Frame, type Held, type Hello, heartbeatMs, type Used } from '../../core/rows/frames.ts'
import { emptyHash } from '../../core/rows/hash.ts'
import { memoryFor, sliceBound } from '../../core/rows/slice-bound.ts'
import { type Clock, sleep } from '../../platform/clock.ts'
import { driveSteps } from '../../platform/drive-steps.ts'
import type { Logger } from '../../platform/log.ts'
import { createAnswer } from './answer.ts'
import { createFrameReader, type ReadFrames } from './frame-reader.ts'
import { openStream, readRefusal } from './open-stream.ts'
import { type Backoff, createReconnectPause, type EndedConnection, guardBackoff } from './reconnect-pause.ts'
import type { HeldSlice, Taken } from './slice.ts'
import { type KeptBack, keptBackText } from './standing.ts'

/** Keeps this guard's slice up to date over one long-lived stream from the issuer. */
export interface SnapshotClient {
  start(): void
  stop(): void
  /** Tells the issuer what is held now, besides after every frame. */
  tellHeld(): void
  /** Tells what was used, due or not, before the guard stops. Resolves when the lines have gone, or a second later. */
  tellUsed(): Promise<void>
}

export interface SnapshotClientOptions {
  url: string
  /** `namespace/name`. */
  service: string
  version: string
  caFile: string
  tokenFile: string
  slice: HeldSlice
  /** What besides the hash goes into a held line. */
  findings(): Omit<Held['held'], 'hash'>
  /** What was used, when it is to be told: it is not asked for again. */
  used(when: 'if due' | 'now'): Iterable<Used>
  onTaken(taken: 'applied' | 'confirmed'): void
  onConnected(connected: boolean): void
  /** The policy is larger than this guard takes, or no longer. */
  onTooLarge?(kept: KeptBack | undefined): void
  clock: Clock
  log: Logger
  idleMs?: number
  /** The process's limit of memory, bytes; 0: none. */
  memoryBytes?: number
  /** Slices that share it. */
  sharedBy?: number
  backoff?: Backoff
}

/** How a connection ended, and what that means for the next one. */
interface Ended extends EndedConnection {
  readonly why: string
  readonly needsFull?: boolean
}

type Left = Partial<Ended> & { readonly why: string }

/**
 * Guards that got the same answer at a time by chance within this, milliseconds: all answers at once would delay the change
 * at those that the issuer has not sent it to yet. The operator asks it once a second.
 */
export const answerWithinMs = { applied: 200, confirmed: 1_000 }
/** How long a guard that stops waits until its last lines have gone. */
const lastLinesMs = 1_000
/** So much is read in one step: about a millisecond. */
const stepBytes = 16_384
/** What a frame has beside the rows of the slice: versions, and keys of rows that went. */
const frameSlackBytes = 1_048_576

export function createSnapshotClient(options: SnapshotClientOptions): SnapshotClient {
  const { slice, clock, log, onConnected } = options
  const { memoryBytes = 0, sharedBy = 1 } = options
  const maxBytes = sliceBound(memoryBytes, sharedBy)
  const stopped = new AbortController()
  let isKeptBack = false
  let tell: ((when: 'if due' | 'now', written?: () => void) => void) | undefined
  const answer = createAnswer(clock, () => tell?.('if due'))

  async function run(): Promise<void> {
    const pauseMs = createReconnectPause(options.backoff ?? guardBackoff)
    let needsFull = false
    let last = ''
    while (!stopped.signal.aborted) {
      const ended = await connect(needsFull)
      onConnected(false)
      tell = undefined
      if (stopped.signal.aborted) return
      if (ended.why !== last) log.warn({ why: ended.why }, 'the snapshot stream ended, connecting again')
      last = ended.why
      needsFull = ended.needsFull ?? (needsFull && !ended.progress)
      await sleep(clock, pauseMs(ended), stopped.signal)
    }
  }

  async function connect(needsFull: boolean): Promise<Ended> {
    let request: ClientRequest
    try {
      const [ca, token] = await Promise.all([readFile(options.caFile), readFile(options.tokenFile, 'utf8')])
      request = openStream(options.url, ca, token.trim())
    } catch (error) {
      return {
        why: `CA or token cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`,
        progress: false,
      }
    }
    const seen = needsFull ? undefined : slice.seen()
    const hash = needsFull ? undefined : slice.hash()
    const hello: Hello = {
      hello: {
        slice: options.service,
        version: options.version,
        features: featureNames,
        maxBytes,
        ...(sharedBy > 1 && { sharedBy }),
        ...(seen && { seen }),
        ...(hash && { hash }),
      },
    }
    request.write(`${JSON.stringify(hello)}\n`)
    tell = (when, written) => {
      const hash = slice.hash() ?? emptyHash
      const say = (held: Held['held']): void => void request.write(`${JSON.stringify({ held })}\n`)
      say({ hash, ...options.findings() })
      // To an issuer that does not read nothing is said that would be lost with the connection.
      if (!request.writableNeedDrain) for (const used of options.used(when)) say({ hash, used })
      // Behind all of them.
      if (written) request.write('', written)
    }
    const abort = (): void => void request.destroy()
    stopped.signal.addEventListener('abort', abort)
    const ended = await follow(request)
    stopped.signal.removeEventListener('abort', abort)
    request.destroy()
    return ended
  }

  function follow(request: ClientRequest): Promise<Ended> {
    return new Promise(resolve => {
      let progress = false
      let cancelIdle = (): void => {}
      let stopTaking = (): void => {}
      const end = (why: string, more: Partial<Ended> = {}): void => {
        cancelIdle()
        // Before the next connection begins: half a frame taken has changed nothing.
        stopTaking()
        resolve({ why, progress, ...more })
      }
      const alive = (): void => {
        cancelIdle()
        cancelIdle = clock.after(options.idleMs ?? 3 * heartbeatMs, () => end('nothing came in time'))
      }
      alive()
      request.on('error', error => end(`the connection failed: ${(error as NodeJS.ErrnoException).code ?? error.name}`))
      request.on('response', response => {
        if (response.statusCode !== 200) return readRefusal(response, end)
        onConnected(true)
        log.info({ service: options.service }, 'connected to the issuer')
        const read = createFrameReader(maxBytes + frameSlackBytes)
        const queue = createByteQueue(response, bytes => takeBytes(bytes, read, () => (progress = true)), end)
        stopTaking = queue.stop
        response.on('data', (bytes: Buffer) => {
          alive()
          queue.put(bytes)
        })
        response.on('error', () => end('the connection broke'))
        response.on('close', () => end('the issuer closed the stream'))
      })
    })
  }

  /** @returns why the stream is left, if it is */
  function* takeBytes(
    bytes: Buffer,
    read: (bytes: Buffer) => ReadFrames,
    onTaken: () => void,
  ): Steps<Left | undefined> {
    for (let from = 0; from < bytes.length; from += stepBytes) {
      const { frames, fault } = read(bytes.subarray(from, from + stepBytes))
      for (const frame of frames) {
        const taken = yield* slice.taking(frame)
        if (taken === 'too_large' && 'tooLarge' in frame) {
          keepBack(frame.tooLarge.bytes)
          continue
        }
        if (taken !== 'applied' && taken !== 'confirmed') return endingOf(taken, frame)
        onTaken()
        if (isKeptBack) options.onTooLarge?.(undefined)
        isKeptBack = false
        options.onTaken(taken)
        answer.within('full' in frame ? 0 : answerWithinMs[taken])
      }
      // A change may be longer than all that is there after it.
      if (fault) return { why: faults[fault], needsFull: fault === 'too_long' }
      yield
    }
    return undefined
  }

  /** What is held stays in force, and ages: nobody says that it is how things are. */
  function keepBack(bytes: number): void {
    const memory = memoryFor(bytes, sharedBy)
    if (!isKeptBack) log.error({ bytes, memory, maxBytes }, keptBackText({ memory }))
    isKeptBack = true
    options.onTooLarge?.({ bytes, memory })
  }

  return {
    start: () => void run(),
    stop() {
      answer.cancel()
      stopped.abort()
    },
    tellHeld: () => tell?.('if due'),
    async tellUsed() {
      if (!tell) return
      const written = new AbortController()
      tell('now', () => written.abort())
      await sleep(clock, lastLinesMs, written.signal)
    },
  }
}

const faults = {
  malformed: 'the issuer sent what is no frame',
  too_long: 'the policy is too large for this guard: give it more memory, or divide the service',
}

/** What came is taken one piece after the other; meanwhile nothing more is read. */
function createByteQueue(
  response: IncomingMessage,
  take: (bytes: Buffer) => Steps<Left | undefined>,
  end: (why: string, more?: Partial<Ended>) => void,
): { put(bytes: Buffer): void; stop(): void } {
  let waiting: Buffer[] = []
  let isTaking = false
  let leave = (): void => {}

  function next(): void {
    const bytes = waiting.shift()
    isTaking = bytes !== undefined
    if (!bytes) return void response.resume()
    response.pause()
    leave = driveSteps(take(bytes), outcome => {
      const left = 'error' in outcome ? { why: faults.malformed } : outcome.value
      if (left) end(left.why, left)
      // A socket that has much to read would go on at once, and calls wait meanwhile.
      else if (bytes.length < stepBytes) next()
      else leave = immediately(next)
    })
  }

  return {
    put(bytes) {
      waiting.push(bytes)
      if (!isTaking) next()
    },
    stop() {
      waiting = []
      isTaking = true
      leave()
    },
  }
}

function immediately(task: () => void): () => void {
  const immediate = setImmediate(task)
  return () => clearImmediate(immediate)
}

function endingOf(taken: Taken, frame: Frame): Left {
  if (taken === 'mismatch') return { why: 'what is held does not add up to the issuer’s hash', needsFull: true }
  if (taken === 'behind') return { why: 'this replica of the issuer has seen less than this guard' }
  if (taken === 'older') return { why: 'a frame is older than what is held, it was not taken' }
  if (taken === 'ended' && 'end' in frame) {
    const { code } = frame.end
    return { why: `the issuer ended the stream: ${String(code).slice(0, 64)}` }
  }
  return { why: 'the issuer sent a frame this version does not know' }
}
