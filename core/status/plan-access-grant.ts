import type { AccessGrant, AccessGrantStatus, GrantedClient } from '../api/access-grant.ts'
import type { ResolvedClient } from '../registry/resolve-clients.ts'
import { type EnforcedView, type Finding, latchEnforced, reportConditions } from './report.ts'

interface ObservedGrant {
  readonly object: AccessGrant
  readonly clients: ReadonlyMap<string, ResolvedClient>
  readonly roleExists: boolean
  readonly schemaFault?: string | undefined
  readonly enforced: EnforcedView
}

/**
 * The status of a grant, pins included. A name is pinned to the client id that it means when it is first seen, and stays
 * pinned until the grant is written again: whoever gets hold of the name later gets no access by it.
 * @param now seconds since epoch
 */
export function planAccessGrant(
  observed: ObservedGrant,
  now: number,
): { readonly status: AccessGrantStatus; readonly nextAt?: number } {
  const { object, enforced } = observed
  const { generation } = object.metadata
  const previous = object.status?.conditions
  const clients = pins(observed)
  const end = object.spec.expiresAt === undefined ? undefined : Math.floor(Date.parse(object.spec.expiresAt) / 1_000)
  const fault = faultOf(observed, clients, end)
  const expired = end !== undefined && end <= now
  const refused = fault?.reason === 'RoleNotFound' || fault?.reason === 'Invalid'
  const samePins = JSON.stringify(object.status?.clients?.map(pinned)) === JSON.stringify(clients.map(pinned))
  const latched = latchEnforced(samePins ? previous : undefined, generation, enforced)
  const time = new Date(now * 1_000).toISOString().replace('.000Z', 'Z')
  return {
    status: {
      ...(generation !== undefined && { observedGeneration: generation }),
      conditions: reportConditions(previous, generation, time, [
        acceptance(fault, clients),
        readiness(fault, expired),
        latched,
      ]),
      state: refused ? 'Refused' : expired ? 'Expired' : 'Active',
      clients,
    },
    ...(end !== undefined && end > now && { nextAt: end }),
  }
}

const pinned = ({ namespace, name, clientId, state }: GrantedClient) => [namespace, name, clientId, state]

function pins({ object, clients }: ObservedGrant): GrantedClient[] {
  const written = object.status?.observedGeneration !== object.metadata.generation
  return object.spec.clients.map(({ namespace, name }) => {
    const before = written
      ? undefined
      : object.status?.clients?.find(pin => pin.namespace === namespace && pin.name === name)?.clientId
    const client = clients.get(`${namespace}/${name}`)
    if (!client) return { namespace, name, ...(before !== undefined && { clientId: before }), state: 'NotFound' }
    if (before !== undefined && before !== client.clientId)
      return { namespace, name, clientId: before, state: 'Replaced' }
    if (client.accepted) return { namespace, name, clientId: client.clientId, state: 'Granted' }
    return { namespace, name, ...(before !== undefined && { clientId: before }), state: 'Refused' }
  })
}

interface Fault {
  readonly reason: 'Invalid' | 'RoleNotFound' | 'ClientReplaced' | 'ClientNotFound'
  readonly message: string
}

function faultOf(
  observed: ObservedGrant,
  clients: readonly GrantedClient[],
  end: number | undefined,
): Fault | undefined {
  const { object, roleExists, schemaFault } = observed
  if (schemaFault !== undefined) return { reason: 'Invalid', message: schemaFault }
  if (Number.isNaN(end)) return { reason: 'Invalid', message: 'spec.expiresAt is not an RFC 3339 time. Correct it.' }
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
      message: `These names mean other clients than when this grant was written: ${replaced}. They have no access until it is written again.`,
    }
  }
  const missing = named(clients, 'NotFound')
  if (missing === '') return undefined
  return {
    reason: 'ClientNotFound',
    message: `These clients do not exist yet: ${missing}. They get the role when they appear.`,
  }
}

function acceptance(fault: Fault | undefined, clients: readonly GrantedClient[]): Finding {
  if (fault) return { type: 'Accepted', status: 'False', ...fault }
  const refused = named(clients, 'Refused')
  const but = refused === '' ? '' : ` These clients are not accepted themselves: ${refused}.`
  return { type: 'Accepted', status: 'True', reason: 'Accepted', message: `The role and every client are known.${but}` }
}

function readiness(fault: Fault | undefined, expired: boolean): Finding {
  if (expired) return { type: 'Ready', status: 'True', reason: 'Expired', message: 'The grant has ended.' }
  if (fault) return { type: 'Ready', status: 'False', reason: 'NotAccepted', message: 'See the condition Accepted.' }
  return { type: 'Ready', status: 'True', reason: 'Ready', message: 'The grant is published.' }
}

/** The clients in that state, at most ten of them, for a message. */
function named(clients: readonly GrantedClient[], state: GrantedClient['state']): string {
  const names = clients.filter(client => client.state === state).map(({ namespace, name }) => `${namespace}/${name}`)
  const more = names.length > 10 ? ` and ${names.length - 10} more` : ''
  return names.slice(0, 10).join(', ') + more
}
