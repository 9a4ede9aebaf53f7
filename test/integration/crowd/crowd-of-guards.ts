import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPolicy, type Policy } from '../../../enforce/policy/policy.ts'
import { createSlice, type HeldSlice } from '../../../enforce/policy/slice.ts'
import { createSnapshotClient } from '../../../enforce/policy/snapshot-client.ts'
import { systemClock } from '../../../platform/clock.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { addPod, tokenOf } from '../issuer/objects.ts'
import type { World } from '../issuer/world.ts'

/** A guard as it is beside an app, without the app: its stream, its slice, its policy. */
export interface StreamingGuard {
  /** `namespace/name`. */
  readonly service: string
  readonly policy: Policy
  /** Whole slices that it was sent so far. */
  wholes(): number
  isConnected(): boolean
  stop(): void
}

interface Place {
  readonly namespace: string
  readonly service: string
}

/** So many guards for each of these services, each with a pod of its own and a token bound to that. */
export async function startGuards(
  world: World,
  port: number,
  { places, guardsOfEach }: { places: readonly Place[]; guardsOfEach: number },
): Promise<StreamingGuard[]> {
  const folder = await mkdtemp(join(tmpdir(), 'guards-'))
  const caFile = join(folder, 'ca.crt')
  await writeFile(caFile, world.ca)
  const wanted = places.flatMap(place => Array.from({ length: guardsOfEach }, (_, at) => ({ ...place, at })))
  const prepared = await inTurns(wanted, 8, async ({ namespace, service, at }) => {
    const name = `${service}-${at}`
    const token = await tokenOf(
      world,
      await addPod(world, { namespace, name, labels: { app: service } }),
      undefined,
      3_600,
    )
    const tokenFile = join(folder, `${namespace}-${name}`)
    await writeFile(tokenFile, token)
    return { service: `${namespace}/${service}`, port, caFile, tokenFile }
  })
  return prepared.map(startGuard)
}

function startGuard(at: { service: string; port: number; caFile: string; tokenFile: string }): StreamingGuard {
  const policy = createPolicy(systemClock)
  const slice = createSlice(policy)
  let wholes = 0
  let connected = false
  const counted: HeldSlice = {
    ...slice,
    taking(frame) {
      if ('full' in frame) wholes++
      return slice.taking(frame)
    },
  }
  const client = createSnapshotClient({
    ...at,
    url: `https://127.0.0.1:${at.port}`,
    version: 'test',
    slice: counted,
    findings: () => ({}),
    used: () => [],
    onTaken: () => {},
    onConnected(is) {
      connected = is
    },
    clock: systemClock,
    log: createQuietLog().log,
  })
  client.start()
  return { service: at.service, policy, wholes: () => wholes, isConnected: () => connected, stop: client.stop }
}

/** Some at a time; an API server that is asked for everything at once answers nothing in time. */
export async function inTurns<T, R>(list: readonly T[], width: number, each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const at = next++
      results[at] = await each(list[at] as T)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
  return results
}
