import type { GrantedHere } from '../../core/registry/granted-here.ts'
import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { LiveClients, ProvedClient } from './live-clients.ts'
import type { TokenBounds } from './token-bounds.ts'

/**
 * What a token of a client may say at a service: what the client has there, narrowed to what every party has, and by the token it
 * comes from. Roles have names of their own in each namespace, so those of a token count at its own audience alone; elsewhere
 * what it was narrowed by counts anew, which is its key and who acted.
 * @returns undefined when nothing is left
 */
export function grantedWithin(
  clients: Pick<LiveClients, 'granted'>,
  asked: {
    readonly service: ResolvedService
    readonly by: ProvedClient
    readonly bounds: TokenBounds
    readonly now: number
  },
): GrantedHere | undefined {
  const { service, by, bounds, now } = asked
  const { parties, within } = bounds
  const all = [by, ...parties].map(one => clients.granted(service, one, now))
  const [first, ...others] = all
  if (!first) return undefined
  const isLeft = (role: string) =>
    others.every(other => other?.roles.includes(role)) &&
    (within?.audience !== service.audience || within.roles.includes(role))
  const roles = first.roles.filter(isLeft)
  const scopes = [...first.scopes].filter(
    scope => others.every(other => other?.scopes.has(scope)) && (!within || within.scopes.has(scope)),
  )
  return roles.length === 0 ? undefined : { roles, scopes: new Set(scopes) }
}

/** What the token is got with: the key that is narrowed to some roles, where one is, else any that proved the client. */
export function keyIdOf(proved: readonly ProvedClient[]): string | undefined {
  const named = proved.map(({ key }) => ({ id: key.key?.kid ?? key.account, isNarrowed: key.roles !== undefined }))
  const known = named.filter(({ id }) => id !== undefined)
  return (known.find(({ isNarrowed }) => isNarrowed) ?? known[0])?.id
}
