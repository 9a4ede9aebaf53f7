import { nameSome } from '../base/name-some.ts'
import type { Seen } from '../rows/frames.ts'
import { compareVersions } from '../rows/seen.ts'
import { countVersions, type GuardsOfVersion } from './guard-versions.ts'
import { groupLacking, type Lack, type Lacking, type MadeWrong } from './lacking-pods.ts'
import { joinOutdated, type OutdatedGuards } from './outdated-guards.ts'
import type { EnforcedView } from './report.ts'
import { joinTooLarge, type RefusedClients, type SliceTooLarge } from './slice-too-large.ts'

/** What one replica of the issuer knows of the guards that are connected to it: `GET /v1/enforcement`. */
export interface EnforcementReport {
  readonly seen: Seen
  readonly slices: Readonly<Record<string, SliceReport>>
}

export interface SliceReport {
  readonly hash: string
  readonly guards: readonly GuardReport[]
}

export interface GuardReport {
  /** Of its pod; absent for a guard that is in none of the service's. */
  readonly namespace?: string
  readonly pod?: string
  readonly uid?: string
  readonly hash: string
  /** Its hash is the slice's hash now, as guards that understand what it does are told the slice. */
  readonly current: boolean
  /** The release that it needs to understand all of the slice; absent when it does. */
  readonly needs?: string
  /** The release that the guard is of. Issuers of earlier releases do not say. */
  readonly version?: string
  /** It is not sent all of the slice, which is larger than it takes; with the memory that it would need, bytes, if any will do. */
  readonly tooLarge?: { readonly memory?: number; readonly refused?: RefusedClients }
  readonly exposed?: readonly string[]
  /** Where nothing listens though the app should; absent from issuers of earlier releases too. */
  readonly notListening?: string
  readonly wouldDeny?: number
}

export interface ExpectedPod {
  readonly name: string
  readonly uid: string
  /** Why it cannot have a guard of this service; absent when it is made as it should be. */
  readonly wrong?: MadeWrong
  /** The service whose guard it has instead. */
  readonly other?: string
}

/** One service that an object concerns, with the pods that guard it: connected or not, ready or not. */
export interface ConcernedService {
  readonly key: string
  readonly pods: readonly ExpectedPod[]
  /** Some of them are central guards, which proxies ask. */
  readonly central?: true
  /** It is gone or not accepted, and guards that have a policy of it go on with that: for so long, as far as it is known. */
  readonly left?: { readonly maxStaleness?: string }
}

/**
 * Whether every guard concerned holds an object as it was at `version`: every replica has seen that version, and each
 * pod has a guard on some replica that holds what the replica has now.
 * @param reports of all replicas; undefined until all of them have answered once
 */
export function judgeEnforcement(
  asked: { readonly resource: string; readonly version: string; readonly services: readonly ConcernedService[] },
  reports: readonly EnforcementReport[] | undefined,
): EnforcedView {
  const concerned = asked.services.filter(service => service.pods.length > 0)
  if (concerned.length === 0) return { state: 'no-guards' }
  if (!reports) return { state: 'unknown' }
  if (reports.length === 0) return toldNobody('No issuer is ready, so the guards cannot be told', concerned)
  const behind = concerned.filter(service => currentPods(service, reports) < service.pods.length)
  const left = behind.filter(service => service.left)
  if (left.length > 0) {
    const more = left.length > namedAtMost ? ` So it is at ${left.length - namedAtMost} more services.` : ''
    const texts = left.slice(0, namedAtMost).map(service => leftText(service, reports))
    return { state: 'waiting', reason: 'GuardsLeftBehind', message: `${texts.join(' ')}${more}` }
  }
  // Before what the issuers have seen: writing this into the object makes another version of it, which would say otherwise.
  if (behind.length > 0) {
    const counted = behind.map(service => `${service.key} (${currentPods(service, reports)} of ${service.pods.length})`)
    return { state: 'waiting', message: `Guards hold it at ${nameSome(counted, namedAtMost)}.` }
  }
  if (reports.every(report => hasSeen(report.seen[asked.resource], asked.version))) return { state: 'enforced' }
  return toldNobody('The issuers have not told the guards yet', concerned)
}

const namedAtMost = 3

/** Which guards decide by what they had, until when, and what ends it. */
function leftText(service: ConcernedService, reports: readonly EnforcementReport[]): string {
  const current = currentUids(service, reports)
  const names = service.pods.flatMap(({ name, uid }) => (current.has(uid) ? [] : [name])).sort()
  const staleness = service.left?.maxStaleness
  const until =
    staleness === undefined ? 'its maxStaleness has passed (24h unless it said otherwise)' : `${staleness} have passed`
  return `The GuardedService ${service.key} is gone or not accepted, and its guards may go on with the policy that they have until ${until}: ${nameSome(names, namedAtMost)}. Roll out these pods without the guard, or make the service right.`
}

/** No guard is known to hold it: what services report tells of an earlier policy. */
function toldNobody(why: string, services: readonly ConcernedService[]): EnforcedView {
  const counted = services.map(({ key, pods }) => `${key} (0 of ${pods.length})`)
  return { state: 'waiting', message: `${why}: ${nameSome(counted, namedAtMost)}.` }
}

/** What the guards of one service say of themselves. */
export interface ServiceReport {
  /** Pods whose guard holds the current revision. */
  readonly current: number
  /** Pods whose guard is connected, whatever it holds. */
  readonly guarded: number
  readonly total: number
  /** Hash of the slice, when all replicas have the same. */
  readonly hash?: string
  readonly wouldDeny: number
  /** Pods whose app listens beyond loopback, with the addresses. */
  readonly exposed: readonly string[]
  /** Pods in which nothing listens where the guard reaches the app, with the addresses. */
  readonly notListening: readonly string[]
  /** The pods that are not current, by what they lack. */
  readonly lacking: readonly Lacking[]
  /** The pods whose guard denies what it is too old to know. */
  readonly outdated?: OutdatedGuards
  /** The pods whose guard is not sent all of the slice. */
  readonly tooLarge?: SliceTooLarge
  /** Releases of the guards, as far as they are known. */
  readonly versions: readonly GuardsOfVersion[]
  readonly central?: true
}

export function reportService(service: ConcernedService, reports: readonly EnforcementReport[]): ServiceReport {
  const slices = reports.flatMap(report => report.slices[service.key] ?? [])
  const hashes = new Set(slices.map(slice => slice.hash))
  const uids = new Set(service.pods.map(pod => pod.uid))
  const guards = new Map(slices.flatMap(slice => slice.guards).map(guard => [guard.uid, guard]))
  const present = [...guards.values()].filter(guard => guard.uid !== undefined && uids.has(guard.uid))
  // For a moment a guard may hang on two replicas: the one it left knows its older count.
  const wouldDeny = new Map<string | undefined, number>()
  for (const guard of slices.flatMap(slice => slice.guards)) {
    wouldDeny.set(guard.uid, Math.max(wouldDeny.get(guard.uid) ?? 0, guard.wouldDeny ?? 0))
  }
  const [hash] = hashes
  const outdated = joinOutdated(
    present.flatMap(({ pod = '', needs }) => (needs === undefined ? [] : [{ needs, name: pod }])),
  )
  const tooLarge = joinTooLarge(
    present.flatMap(({ pod = '', tooLarge: found }) => (found ? [{ name: pod, ...found }] : [])),
  )
  return {
    current: currentPods(service, reports),
    guarded: present.length,
    total: service.pods.length,
    ...(hashes.size === 1 && hash !== undefined && { hash }),
    ...(service.central && { central: service.central }),
    wouldDeny: present.reduce((sum, { uid }) => sum + (wouldDeny.get(uid) ?? 0), 0),
    exposed: present
      .flatMap(guard => ((guard.exposed?.length ?? 0) > 0 ? [`${guard.pod} (${guard.exposed?.join(', ')})`] : []))
      .sort(),
    notListening: present
      .flatMap(({ pod, notListening }) => (notListening === undefined ? [] : [`${pod} (${notListening})`]))
      .sort(),
    lacking: lackingPods(service, reports, guards),
    ...(outdated && { outdated }),
    ...(tooLarge && { tooLarge }),
    versions: countVersions(present.flatMap(({ version }) => version ?? [])),
  }
}

function lackingPods(
  service: ConcernedService,
  reports: readonly EnforcementReport[],
  connected: ReadonlyMap<string | undefined, GuardReport>,
): readonly Lacking[] {
  const current = currentUids(service, reports)
  const lacking = service.pods.filter(({ uid }) => !current.has(uid))
  return groupLacking(
    lacking.map(({ name, uid, wrong, other }) => ({
      lack: lackOf(connected.get(uid)) ?? wrong ?? 'NotConnected',
      name: other === undefined ? name : `${name} (${other})`,
    })),
  )
}

function lackOf(guard: GuardReport | undefined): Lack | undefined {
  return guard && (guard.tooLarge ? 'SliceTooLarge' : 'Behind')
}

function currentPods(service: ConcernedService, reports: readonly EnforcementReport[]): number {
  const current = currentUids(service, reports)
  return service.pods.filter(pod => current.has(pod.uid)).length
}

function currentUids(
  { key }: ConcernedService,
  reports: readonly EnforcementReport[],
): ReadonlySet<string | undefined> {
  const guards = reports.flatMap(report => report.slices[key]?.guards ?? [])
  return new Set(guards.flatMap(guard => (guard.current ? [guard.uid] : [])))
}

function hasSeen(seen: string | undefined, version: string): boolean {
  const order = seen === undefined ? undefined : compareVersions(seen, version)
  return order !== undefined && order >= 0
}
