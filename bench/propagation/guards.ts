import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { lookup } from '../../core/base/shared-map.ts'
import { featureNames } from '../../core/rows/features.ts'
import { maxSliceBytes } from '../../core/rows/frames.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { createAnswer } from '../../enforce/policy/answer.ts'
import { createFrameReader } from '../../enforce/policy/frame-reader.ts'
import { createPolicy } from '../../enforce/policy/policy.ts'
import { createSlice } from '../../enforce/policy/slice.ts'
import { answerWithinMs } from '../../enforce/policy/snapshot-client.ts'
import { systemClock } from '../../platform/clock.ts'
import { type Awaited, answerOrders, machineNow, type Reached } from './awaiting.ts'
import { sharedRole } from './names.ts'

// Guards in one process: each reads its stream, applies it and tells what it holds as the guard that ships does. Elsewhere each
// has a processor of its own; here what came is noted first and applied in turn, and each guard's time is when its bytes came
// plus what it took itself. What it waited for the others is told apart.

export interface GuardsOrder {
  readonly caFile: string
  readonly guards: readonly { readonly service: string; readonly tokenFile: string; readonly url: string }[]
}

interface Guard {
  /** Applies what came. */
  take(bytes: Buffer): void
  look(heldAt: number): void
}

const turnMs = 2
/** Connections that are opened at one time. */
const opening = 50
const came: { readonly guard: Guard; readonly bytes: Buffer; readonly at: number }[] = []
let isWorking = false

/** A turn of work, then what came meanwhile is noted before the next one. */
function work(): void {
  const until = performance.now() + turnMs
  while (came.length > 0 && performance.now() < until) {
    const { guard, bytes, at } = came.shift() as (typeof came)[number]
    const began = machineNow()
    guard.take(bytes)
    guard.look(at + machineNow() - began)
  }
  isWorking = came.length > 0
  if (isWorking) setImmediate(work)
}

function note(guard: Guard, bytes: Buffer): void {
  came.push({ guard, bytes, at: machineNow() })
  if (isWorking) return
  isWorking = true
  setImmediate(work)
}

function open(at: number, order: GuardsOrder, reached: Reached): Promise<void> {
  const { service, tokenFile, url } = order.guards[at] as GuardsOrder['guards'][number]
  const policy = createPolicy(systemClock)
  const slice = createSlice(policy)
  const read = createFrameReader(maxSliceBytes)
  reached.add(at, awaited => {
    const snapshot = policy.snapshot()
    return snapshot !== undefined && holds(awaited, snapshot)
  })
  const call = request(new URL('/v1/snapshots', url), {
    method: 'POST',
    ca: readFileSync(order.caFile),
    agent: false,
    headers: {
      authorization: `Bearer ${readFileSync(tokenFile, 'utf8')}`,
      'content-type': 'application/x-ndjson',
      'transfer-encoding': 'chunked',
    },
  })
  call.setNoDelay(true)
  call.write(`${JSON.stringify({ hello: { slice: service, version: 'bench', features: featureNames } })}\n`)
  const answer = createAnswer(systemClock, () => {
    call.write(`${JSON.stringify({ held: { hash: slice.hash() } })}\n`)
  })
  const guard: Guard = {
    take(bytes) {
      const { frames, fault } = read(bytes)
      if (fault) fail(`a frame is ${fault}`)
      for (const frame of frames) {
        const taken = slice.take(frame)
        if (taken !== 'applied' && taken !== 'confirmed') fail(`a frame is ${taken}`)
        answer.within('full' in frame ? 0 : answerWithinMs[taken])
      }
    },
    look: heldAt => reached.look(at, heldAt),
  }
  return new Promise(resolve => {
    call.on('error', error => fail(`a stream failed: ${error.message}`))
    call.on('response', response => {
      if (response.statusCode !== 200) fail(`a stream was answered with ${response.statusCode}`)
      response.on('data', (bytes: Buffer) => note(guard, bytes))
      response.on('close', () => fail('a stream was closed'))
      resolve()
    })
  })
}

/** One that is missing would make the rest look faster. */
function fail(why: string): never {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

function holds(awaited: Awaited, snapshot: Snapshot): boolean {
  if ('value' in awaited) return lookup(snapshot.roles, sharedRole)?.rules[0]?.paths?.[0] === awaited.value
  const keysOf = (client: string) => lookup(snapshot.clients, client)?.row.keys ?? []
  if ('usable' in awaited) return keysOf(awaited.usable).some(({ revoked }) => !revoked)
  return keysOf(awaited.revoked).every(({ revoked }) => revoked)
}

answerOrders(async (order: GuardsOrder, reached: Reached) => {
  for (let from = 0; from < order.guards.length; from += opening) {
    const some = order.guards.slice(from, from + opening)
    await Promise.all(some.map((_, at) => open(from + at, order, reached)))
  }
})
