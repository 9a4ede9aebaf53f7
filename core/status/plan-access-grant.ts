import type { AccessGrant, AccessGrantStatus, GrantedClient } from '../api/access-grant.ts'
import { nameSome } from '../base/name-some.ts'
import { secondsOfTime, timeOf } from '../base/time.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import { isPinned } from '../registry/slice.ts'
import { endingFinding, horizonsOf, lifeEvents } from './ending.ts'
import { lastUse } from './last-use.ts'
import { isPaused, pausedFindings } from './paused.ts'
import {
  type ConditionFinding,
  type EnforcedView,
  latchEnforced,
  notReady,
  type PlannedEvent,
  reportConditions,
} from './report.ts'

interface ObservedGrant {
  readonly object: AccessGrant
  readonly clients: ReadonlyMap<string, ResolvedClient>
  readonly roleExists: boolean
  /** Services that rules of the role name and that do not exist. */
  readonly missingServices?: readonly string[]
  /** Whether some rule of the role names a service that does. */
  readonly opensSomething?: boolean
  readonly schemaFault?: string | undefined
  readonly enforced: EnforcedView
}

/**
 * The status of a grant, pins included. A name is pinned to what it means when it is first seen, the client id and the
 * uid of the client's namespace, and stays pinned until the grant is written again: whoever gets hold of the name later
 * gets no access by it. A client that is pruned and applied again in the same namespace is the same.
 * @param now seconds since epoch
 */
export function planAccessGrant(
  observed: ObservedGrant,
  now: number,
): { readonly status: AccessGrantStatus; readonly events: readonly PlannedEvent[]; readonly nextAt?: number } {
  const { object, enforced } = observed
  const { generation } = object.metadata
  const previous = object.status?.conditions
  const wanted = pins(observed)
  const paused = isPaused(object)
  const clients = paused ? pausedPins(observed) : wanted
  const withheld = JSON.stringify(clients) !== JSON.stringify(wanted)
  const end = object.spec.expiresAt === undefined ? undefined : Math.floor(secondsOfTime(object.spec.expiresAt))
  const fault = faultOf(observed, clients, end)
  const expired = end !== undefined && end <= now
  const accepted = acceptance(fault)
  const samePins = JSON.stringify(object.status?.clients?.map(pinned)) === JSON.stringify(clients.map(pinned))
  const latched = latchEnforced(samePins ? previous : undefined, generation, enforced)
  const state = stateOf(observed, fault, clients, expired)
  const ending = end === undefined || state === 'Refused' ? undefined : endingFinding(end, now, 'The grant', atItsEnd)
  const findings = pausedFindings(
    [accepted, readiness(accepted, expired), latched, ...(ending ? [ending] : [])],
    paused ? { left: pinsLeft, withheld } : undefined,
  )
  // What was withheld of a grant that was written again is to be pinned once the pause ends.
  const seen = withheld ? object.status?.observedGeneration : generation
  const conditions = reportConditions(previous, generation, timeOf(now), findings)
  const times = end === undefined ? [] : [...horizonsOf(end), end].filter(time => time > now)
  return {
    status: {
      ...(seen !== undefined && { observedGeneration: seen }),
      conditions,
      state,
      clients,
      ...lastUse(object.status),
    },
    events: lifeEvents(previous, conditions),
    ...(times.length > 0 && { nextAt: Math.min(...times) }),
  }
}

const atItsEnd = ': its clients have what it gives no more then. Set a later spec.expiresAt, or take it out.'

/** What it does for callers now, so that nothing reads as active that gives nobody anything. */
function stateOf(
  { opensSomething = true }: ObservedGrant,
  fault: Fault | undefined,
  clients: readonly GrantedClient[],
  expired: boolean,
): NonNullable<AccessGrantStatus['state']> {
  if (fault?.reason === 'RoleNotFound' || fault?.reason === 'Invalid') return 'Refused'
  if (expired) return 'Expired'
  if (!opensSomething) return 'Refused'
  if (clients.some(({ state }) => state === 'Granted')) return 'Active'
  return clients.length === 0 || clients.some(({ state }) => state === 'NotFound') ? 'Pending' : 'Refused'
}

const pinned = ({ namespace, name, clientId, namespaceUid, state }: GrantedClient) => [
  namespace,
  name,
  clientId,
  namespaceUid,
  state,
]

function pins({ object, clients }: ObservedGrant): GrantedClient[] {
  const written = object.status?.observedGeneration !== object.metadata.generation
  return object.spec.clients.map(({ namespace, name }) => {
    const pin = written
      ? undefined
      : object.status?.clients?.find(one => one.namespace === namespace && one.name === name)
    return { namespace, name, ...pinOf(pin, clients.get(`${namespace}/${name}`)) }
  })
}

const pinsLeft = 'No client gets anything that it does not have already; what ends, ends.'

/** Those that are there, as they are worth now and never more than before. A name without a pin gets none. */
function pausedPins({ object, clients }: ObservedGrant): GrantedClient[] {
  return object.spec.clients.flatMap(({ namespace, name }) => {
    const pin = object.status?.clients?.find(one => one.namespace === namespace && one.name === name)
    if (!pin) return []
    const now = { namespace, name, ...pinOf(pin, clients.get(`${namespace}/${name}`)) }
    return [now.state === 'Granted' && pin.state !== 'Granted' ? pin : now]
  })
}

function pinOf(
  pin: GrantedClient | undefined,
  client: ResolvedClient | undefined,
): Omit<GrantedClient, 'namespace' | 'name'> {
  const kept = pin?.clientId === undefined ? undefined : meaningOf(pin)
  if (!client) return { ...kept, state: 'NotFound' }
  if (pin && kept && !means(pin, client)) return { ...kept, state: 'Replaced' }
  if (!client.accepted) return { ...kept, state: 'Refused' }
  return { ...meaningOf(client), state: 'Granted' }
}

function meaningOf({ clientId, namespaceUid }: Pick<GrantedClient, 'clientId' | 'namespaceUid'>) {
  return { ...(clientId !== undefined && { clientId }), ...(namespaceUid !== undefined && { namespaceUid }) }
}

/**
 * A release before pinned the client id alone. A derived id holds the namespace's uid by itself. For a chosen one such
 * a pin is taken for this namespace only while the client was never away: afterwards it could be anybody's.
 */
function means(pin: GrantedClient, client: ResolvedClient): boolean {
  if (!isPinned(pin, client)) return false
  const isChosen = client.client.spec.clientId !== undefined
  return pin.namespaceUid !== undefined || !isChosen || pin.state === 'Granted'
}

interface Fault {
  readonly reason: 'Invalid' | 'RoleNotFound' | 'RoleRefused' | 'ClientReplaced' | 'ClientNotFound' | 'ClientRefused'
  readonly message: string
}

function faultOf(
  observed: ObservedGrant,
  clients: readonly GrantedClient[],
  end: number | undefined,
): Fault | undefined {
  const { object, roleExists, schemaFault } = observed
  if (schemaFault !== undefined) return { reason: 'Invalid', message: schemaFault }
  if (Number.isNaN(end))
    return {
      reason: 'Invalid',
      message: 'spec.expiresAt is not an RFC 3339 time. Write it as in 2027-01-31T12:00:00Z.',
    }
  if (!roleExists) {
    const { name } = object.spec.roleRef
    return {
      reason: 'RoleNotFound',
      message: `There is no roles.latchkey.dev ${name} in this namespace. Create it, or create another AccessGrant.`,
    }
  }
  const replaced = named(clients, 'Replaced')
  if (replaced !== '') {
    return {
      reason: 'ClientReplaced',
      message: `These names mean other clients than when this grant was written, or the clients have another identity: ${replaced}. They have no access. If the new ones are meant, delete the grant and create it again, or change its spec: to apply the same YAML changes nothing.`,
    }
  }
  const roleFault = roleFaultOf(observed)
  if (roleFault) return roleFault
  const missing = named(clients, 'NotFound')
  if (missing !== '') {
    return {
      reason: 'ClientNotFound',
      message: `These clients do not exist yet: ${missing}. They get the role when they appear.`,
    }
  }
  const refused = named(clients, 'Refused')
  if (refused === '') return undefined
  return {
    reason: 'ClientRefused',
    message: `These clients are not accepted themselves: ${refused}. See their conditions.`,
  }
}

/** A role that names no service opens nothing, whatever the grant says of its clients. */
function roleFaultOf({ object, missingServices = [], opensSomething = true }: ObservedGrant): Fault | undefined {
  if (missingServices.length === 0) return undefined
  const { name } = object.spec.roleRef
  const what = `The role ${name} names services that do not exist in this namespace: ${nameSome(missingServices, 10)}`
  const worth = opensSomething ? 'Its rules for other services count.' : 'The grant opens nothing.'
  return {
    reason: 'RoleRefused',
    message: `${what}. ${worth} Create the GuardedService, or correct the name in the role.`,
  }
}

function acceptance(fault: Fault | undefined): ConditionFinding {
  if (fault) return { type: 'Accepted', status: 'False', ...fault }
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'The role and every client are known.' }
}

function readiness(accepted: ConditionFinding, expired: boolean): ConditionFinding {
  if (expired) return { type: 'Ready', status: 'True', reason: 'Expired', message: 'The grant has ended.' }
  if (accepted.status === 'False') return notReady(accepted)
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'The grant is published.' }
}

/** The clients in that state, at most ten of them, for a message. */
function named(clients: readonly GrantedClient[], state: GrantedClient['state']): string {
  const names = clients.filter(client => client.state === state).map(({ namespace, name }) => `${namespace}/${name}`)
  return nameSome(names, 10)
}
