import { type AuditEntry, auditVersion, maxAuditPath } from '../audit/audit-entry.ts'
import { type Reason, reasons } from '../base/reasons.ts'

/** How often something was seen, and when last. */
export interface Sightings {
  readonly calls: number
  /** RFC 3339. */
  readonly lastSeen: string
}

/** Calls alike of one proved client that no grant allowed. */
export interface SeenCall extends Sightings {
  /** `namespace/name`. */
  readonly client: string
  readonly method: string
  /** As on the wire. */
  readonly path: string
  readonly route?: string | undefined
  readonly missing?: string | undefined
}

/** Calls for which nothing is proposed, and why. */
export interface LeftOut extends Sightings {
  readonly why: string
}

/** What an audit log tells of one service. */
export interface SeenTraffic {
  /** Takes one line of a log; what is no audit line, as in the log of a whole container, is passed over. */
  add(line: string): void
  denied(): SeenCall[]
  leftOut(): LeftOut[]
  /** Lines that allowed a call. */
  allowed(): number
  /** Lines that are none of this service's decisions. */
  passedOver(): number
}

/** Calls that are told apart. A log can be longer than any memory. */
const callsAtMost = 100_000

const name = '[a-z0-9]([-a-z0-9.]*[a-z0-9])?'
const clientPattern = new RegExp(`^${name}/${name}$`)

const whyByReason: Partial<Record<Reason, string>> = {
  grant_expired: 'their grant has ended (grant_expired): renew it',
  route_unknown: 'no route is declared for them (route_unknown): add one to the GuardedService first',
  path_ambiguous: 'their path is only nearly a declared one (path_ambiguous): callers must send it as declared',
}

/** @param service `namespace/name`; lines of other services are passed over */
export function createSeenTraffic(service: string): SeenTraffic {
  const denied = new Map<string, SeenCall>()
  const leftOut = new Map<string, Sightings>()
  let allowed = 0
  let passedOver = 0

  function leave(why: string, time: string): void {
    leftOut.set(why, more(leftOut.get(why), time))
  }

  function take(entry: AuditEntry): void {
    const { client, method, path, route, missing, time } = entry
    const why = whyLeftOut(entry)
    if (why !== undefined || client === undefined || method === undefined || path === undefined) {
      leave(why ?? 'their lines are incomplete', time)
      return
    }
    const key = JSON.stringify([client, method, path])
    const known = denied.get(key)
    if (!known && denied.size >= callsAtMost) {
      leave(`more than ${callsAtMost} different calls were seen: propose from a part of the log`, time)
      return
    }
    const { calls, lastSeen } = more(known, time)
    // The newest line says what is missing now.
    const said = known && time < known.lastSeen ? known : { route, missing }
    denied.set(key, { client, method, path, route: said.route, missing: said.missing, calls, lastSeen })
  }

  return {
    add(line) {
      const entry = readAuditLine(line)
      if (entry?.service !== service) passedOver++
      else if (entry.decision === 'allow' && !entry.wouldDeny) allowed++
      else take(entry)
    },
    denied: () => [...denied.values()],
    leftOut: () => [...leftOut].map(([why, seen]) => ({ why, ...seen })),
    allowed: () => allowed,
    passedOver: () => passedOver,
  }
}

/** @returns the entry that a line of a log holds, also behind a prefix such as that of `kubectl logs --prefix` */
export function readAuditLine(line: string): AuditEntry | undefined {
  const begin = line.indexOf('{')
  if (begin === -1) return undefined
  try {
    const entry = JSON.parse(line.slice(begin)) as Partial<Record<keyof AuditEntry, unknown>>
    const { v, time, decision, reason, service } = entry
    const known = v === auditVersion && (decision === 'allow' || decision === 'deny')
    if (!known || typeof service !== 'string' || typeof time !== 'string') return undefined
    if (!/^[0-9TZ:.+-]{1,40}$/.test(time) || typeof reason !== 'string' || !Object.hasOwn(reasons, reason))
      return undefined
    const texts = [entry.client, entry.method, entry.path, entry.route, entry.missing]
    return texts.every(text => text === undefined || typeof text === 'string') ? (entry as AuditEntry) : undefined
  } catch {
    return undefined
  }
}

function whyLeftOut({ reason, client, path }: AuditEntry): string | undefined {
  if (reason !== 'not_granted') return whyByReason[reason] ?? whyByStatus(reason)
  if (client === undefined) return 'nobody was proved'
  if (!clientPattern.test(client)) return 'their client has no name that an ApiClient can have'
  return path !== undefined && path.length >= maxAuditPath
    ? 'their path is too long to be in the log as a whole'
    : undefined
}

function whyByStatus(reason: Reason): string {
  const { status } = reasons[reason]
  if (status === 401)
    return `their caller proved nothing, or nothing that counts (${reason}): a role opens nothing to it`
  if (status === 400) return `they can be read in two ways (${reason}): no role opens them`
  return `the guard could not decide them (${reason})`
}

function more(seen: Sightings | undefined, time: string): Sightings {
  return addSightings(seen, { calls: 1, lastSeen: time })
}

/** Both together. Times of audit lines are all UTC and of one form, so they compare as texts. */
export function addSightings(a: Sightings | undefined, b: Sightings): Sightings {
  const { calls, lastSeen } = b
  if (!a) return { calls, lastSeen }
  const isLater = a.lastSeen > lastSeen
  return { calls: a.calls + calls, lastSeen: isLater ? a.lastSeen : lastSeen }
}
