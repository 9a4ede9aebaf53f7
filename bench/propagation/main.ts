import { setTimeout as wait } from 'node:timers/promises'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { accessKeys, configMaps, roles } from '../../platform/kube/resources.ts'
import { runScript, say, step } from '../../test/cluster/progress.ts'
import { addKey, makeKeyPair } from '../../test/integration/issuer/objects.ts'
import { type Bundled, startBundled } from '../control-plane/bundled.ts'
import { onPlane, type Plane } from '../control-plane/plane.ts'
import { writerOf } from '../control-plane/streaming-guard.ts'
import { residentMemory } from '../machine/memory.ts'
import { type Figure, writeFigures, writeResult } from '../results.ts'
import { describeRig } from '../rig.ts'
import { readSettings, type Settings } from '../settings.ts'
import { median, quantile } from '../statistics.ts'
import { takeTurns } from '../turns.ts'
import { type Crowd, startGuards, startWatchers, type Waited } from './crowd.ts'
import { namespace, sharedRole, watched } from './names.ts'
import { timeOpenStreams } from './open-streams.ts'
import { startStorm } from './storm.ts'
import {
  type Client,
  guardsPerService,
  makeWorld,
  serviceCount,
  serviceNames,
  sharedRules,
  type World,
} from './world.ts'

// From the API server's acknowledgement of a write until the last of 1,000 guards (100 services of 10) has it in force:
// a changed role, a revoked key; in peace and under 100 other changes a second. Beside it, in turn, what 1,000 plain watches
// of the API server see of one object. `node bench/propagation/main.ts [issuers]`

const issuerCount = Number(process.argv[2] ?? 1)
/** Of each kind, in a turn. */
const samples = Number(process.env.SAMPLES ?? 40)
const openStreamClients = 30
const pauseMs = { least: 50, more: 100 }
const kinds = ['change', 'revocation', 'peer'] as const
const loads = ['', '-storm'] as const
type Kind = (typeof kinds)[number]
type Turn = `${Kind}${(typeof loads)[number]}`
type Times = ReadonlyMap<Turn, readonly Waited[]>

await runScript(async () => {
  const settings = readSettings(process.env)
  const rig = describeRig(settings, { node: process.version }, new Date())
  const measured = await onPlane(plane => measure(plane, settings))
  const figures = figuresOf(measured.times, measured.openStreams)
  writeFigures('propagation', 'propagation', rig, figures)
  const n = serviceCount * guardsPerService
  writeFigures('memory', 'propagation', rig, [
    { name: 'issuer-kb-per-guard', unit: 'KB', value: measured.issuerKbPerGuard, n },
    { name: 'issuer-rss-mb-1000-guards', unit: 'MB', value: measured.issuerMb, n: 1 },
  ])
  const times = Object.fromEntries(measured.times)
  writeResult('propagation-series.json', { rig, issuerCount, ...measured, times })
})

interface Measured {
  readonly times: Times
  readonly openStreams: readonly number[]
  readonly stormPerSecond: number
  readonly issuerKbPerGuard: number
  /** Of the fullest one. */
  readonly issuerMb: number
}

async function measure(plane: Plane, settings: Settings): Promise<Measured> {
  const world = await step('services, clients, pods', () => makeWorld(plane, 1 + openStreamClients + samples))
  const issuers: Bundled[] = []
  const crowds: Crowd[] = []
  try {
    for (let at = 0; at < issuerCount; at++) issuers.push(await startBundled('issuer', plane))
    await wait(2_000)
    const alone = issuers.map(({ pid }) => residentMemory(pid).mb)
    const urls = issuers.map(one => `https://127.0.0.1:${one.port('snapshots')}`)
    const guards = await step('guards', () => startAll(world, urls))
    crowds.push(guards)
    await wait(2_000)
    const full = issuers.map(({ pid }) => residentMemory(pid).mb)
    const watchers = await startWatchers({
      url: plane.url,
      accountDirectory: plane.accountDirectory,
      count: serviceCount * guardsPerService,
      resourceVersion: world.watchedFrom,
    })
    crowds.push(watchers)
    const told = await tellWatchers(watchers, plane.client)
    const { times, stormPerSecond } = await measureTimes({ plane, world, guards, watchers, settings, told })
    guards.stop()
    watchers.stop()
    const openStreams = await measureOpenStreams(plane, world, urls[0] as string, settings)
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
    return {
      times,
      openStreams,
      stormPerSecond,
      issuerKbPerGuard: ((sum(full) - sum(alone)) * 1_000) / (serviceCount * guardsPerService),
      issuerMb: Math.max(...full),
    }
  } finally {
    for (const crowd of crowds) crowd.stop()
    for (const issuer of issuers) await issuer.stop()
  }
}

async function startAll({ caFile, guards }: World, urls: readonly string[]): Promise<Crowd> {
  const crowd = await startGuards({
    caFile,
    guards: guards.map((place, at) => ({ ...place, url: urls[at % urls.length] as string })),
  })
  await crowd.untilAll({ value: '/v/0' }, 180_000)
  return crowd
}

async function tellWatchers(watchers: Crowd, client: KubeClient): Promise<{ next(): number }> {
  let at = 0
  const told = { next: () => ++at }
  await wait(3_000)
  const value = String(told.next())
  await client.patch(configMaps, namespace, watched, { data: { value } })
  await watchers.untilAll({ value }, 60_000)
  return told
}

/** Turns: each kind, in peace and under the storm, in every round. */
async function measureTimes(about: {
  readonly plane: Plane
  readonly world: World
  readonly guards: Crowd
  readonly watchers: Crowd
  readonly settings: Settings
  readonly told: { next(): number }
}): Promise<{ times: Times; stormPerSecond: number }> {
  const { plane, world, guards, watchers, settings, told } = about
  const { client } = plane
  // The first one and those of open streams are kept for later.
  const revocable = world.clients.slice(1 + openStreamClients)
  let left = [...revocable]
  const stormRates: number[] = []
  const sample: Record<Kind, () => Promise<Waited>> = {
    change: () => {
      const value = `/v/${told.next()}`
      return guards.time({ value }, () => client.patch(roles, namespace, sharedRole, sharedRules(value)))
    },
    revocation: () => {
      const one = left.pop()
      if (!one) throw new Error('no client is left to be revoked')
      return guards.time({ revoked: one.clientId }, () => revoke(client, one))
    },
    peer: () => {
      const value = String(told.next())
      return watchers.time({ value }, () => client.patch(configMaps, namespace, watched, { data: { value } }))
    },
  }
  const turns = loads.flatMap(load => kinds.map((kind): Turn => `${kind}${load}`))
  const results = await takeTurns(turns, settings.rounds, async (turn, round) => {
    const storm = turn.endsWith('-storm') ? startStorm(plane, serviceNames) : undefined
    const kind = turn.replace('-storm', '') as Kind
    const found: Waited[] = []
    try {
      for (let at = 0; at < samples; at++) {
        found.push(await sample[kind]())
        await wait(pauseMs.least + Math.random() * pauseMs.more)
      }
    } catch (error) {
      await storm?.abandon()
      throw error
    }
    if (storm) stormRates.push(await storm.end())
    if (kind === 'revocation') {
      for (const one of revocable) await renewKey(client, one)
      for (const { clientId } of revocable) await guards.untilAll({ usable: clientId }, 60_000)
      left = [...revocable]
    }
    const of = (q: number): string => msAt(found, q).toFixed(0)
    say(`  ${turn} ${round + 1}: p50 ${of(0.5)}, p90 ${of(0.9)}, p99 ${of(0.99)}, max ${of(1)} ms`)
    return found
  })
  const times = new Map([...results].map(([turn, found]) => [turn, found.flat()]))
  return { times, stormPerSecond: median(stormRates) }
}

async function measureOpenStreams(plane: Plane, world: World, snapshotUrl: string, settings: Settings) {
  const [service = ''] = serviceNames
  const place = await world.addGuard(service, 'real-guard')
  return step('open streams', () =>
    timeOpenStreams({
      directory: plane.directory,
      core: settings.programCore,
      snapshotUrl,
      caFile: world.caFile,
      place,
      clients: world.clients.slice(1, 1 + openStreamClients),
      revoke: one => revoke(plane.client, one),
    }),
  )
}

function revoke(client: KubeClient, { name }: Client): Promise<KubeObject> {
  return client.patch(accessKeys, namespace, `${name}-key`, { spec: { revoked: { reason: 'bench' } } })
}

function msAt(waited: readonly Waited[], q: number): number {
  return quantile(
    waited.map(({ ms }) => ms),
    q,
  )
}

/** Another key in the place of one that was revoked. */
async function renewKey(client: KubeClient, { name, clientId }: Client): Promise<void> {
  const key = `${name}-key`
  await client.delete(accessKeys, namespace, key)
  await addKey(writerOf(client), { namespace, name: key, client: name, clientId, pair: makeKeyPair() })
}

function figuresOf(times: Measured['times'], openStreams: readonly number[]): Figure[] {
  const quantiles = { p50: 0.5, p90: 0.9, p99: 0.99, max: 1 }
  const timed = loads.flatMap(load =>
    (['change', 'revocation'] as const).flatMap(kind =>
      Object.entries(quantiles).map(([name, q]): Figure => {
        const ours = times.get(`${kind}${load}`) ?? []
        const peer = msAt(times.get(`peer${load}`) ?? [], q)
        return {
          name: `${kind}-${name}-ms${load}`,
          unit: 'ms',
          value: msAt(ours, q),
          // What is seen before it is acknowledged takes no time, and nothing can be compared with that.
          peer: { name: '1,000 watches of the API server', value: Math.max(0.01, peer) },
          n: ours.length,
        }
      }),
    ),
  )
  const inProcess = loads.flatMap(load =>
    (['change', 'revocation'] as const).map((kind): Figure => {
      const ours = (times.get(`${kind}${load}`) ?? []).map(({ inProcessMs }) => inProcessMs)
      return { name: `${kind}-p99-ms${load}-one-process`, unit: 'ms', value: quantile(ours, 0.99), n: ours.length }
    }),
  )
  const closed = Object.entries(quantiles).map(([name, q]): Figure => {
    return { name: `open-stream-closed-${name}-ms`, unit: 'ms', value: quantile(openStreams, q), n: openStreams.length }
  })
  return [...timed, ...inProcess, ...closed]
}
