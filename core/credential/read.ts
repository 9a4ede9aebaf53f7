import type { DenyReason } from '../base/reasons.ts'
import type { ServiceRow } from '../rows/rows.ts'
import { hasScheme, splitAuthorization } from './authorization.ts'
import type { AuthorizationRequest, CredentialEntry, Place, RefusedPlace } from './entry.ts'
import { credentialTable } from './table.ts'

/** The one credential of a request: not yet looked into. */
export interface Credential {
  /** Without its scheme. */
  readonly text: string
  readonly place: PlaceOfKinds
}

/** A place in a request, with the kinds of credential that stand there. */
export interface PlaceOfKinds {
  readonly kinds: readonly CredentialEntry[]
  /** Tells what is remembered from here apart from the same text elsewhere; no value of a field has a line end. */
  readonly prefix: string
  readonly bindsRequest: boolean
}

/** @param service that is asked, where it says of a place of its own */
export type ReadCredential = (
  asked: AuthorizationRequest,
  service?: Pick<ServiceRow, 'apiKey'>,
) => Credential | DenyReason

/**
 * Makes the reader of exactly one credential. A second one of any kind makes the request ambiguous: the guard and the
 * app could each believe another one. Places are found by their names: what a request costs does not grow with the kinds.
 * @returns a function that gives the credential, or why there is none
 */
export function credentialReader(entries: readonly CredentialEntry[]): ReadCredential {
  const schemes = placesOf(entries, 'authorization')
  const headers = placesOf(entries, 'header')
  const inQuery = refusedNames(entries, 'query')
  const inForm = refusedNames(entries, 'form')
  const ofService = placesOf(entries, 'apiKey').get('')
  const bearer = schemes.get('bearer')

  function readAuthorization(value: string): Credential | DenyReason {
    if (value.includes(',')) return 'credential_ambiguous'
    // What nearly everybody sends, without the cost of a pattern.
    if (bearer && value.startsWith('Bearer ') && value.length > 7 && value.charCodeAt(7) !== 0x20) {
      return { text: value.slice(7), place: bearer }
    }
    const split = splitAuthorization(value)
    const place = split && schemes.get(split.scheme)
    if (place) return { text: split.text, place }
    return hasScheme(value) ? 'credential_unsupported' : 'invalid_token'
  }

  /** In a header of its own, or cut out of the query. */
  function readHeaders(
    { authorization, names, values, queryKey }: AuthorizationRequest,
    header: string | undefined,
  ): Credential | DenyReason | undefined {
    let found = queryKey !== undefined && ofService ? { text: queryKey, place: ofService } : undefined
    if (found && authorization !== undefined) return 'credential_ambiguous'
    for (let at = 0; at < names.length; at++) {
      const name = names[at] as string
      const place = name === header ? ofService : headers.get(name)
      if (!place) continue
      const text = values[at] as string
      if (found || authorization !== undefined || text.includes(',')) return 'credential_ambiguous'
      found = { text, place }
    }
    return found
  }

  return (asked, service) => {
    const { authorization, target, form, queryKey } = asked
    const { header, query: name } = service?.apiKey ?? nowhere
    const isLookedFor = headers.size > 0 || header !== undefined || queryKey !== undefined
    const own = isLookedFor ? readHeaders(asked, header) : undefined
    const found = own ?? (authorization === undefined ? 'credential_missing' : readAuthorization(authorization))
    const query = target.indexOf('?')
    // Whoever forwards the target has to cut the key out before. It must reach neither the app nor a log.
    if (name !== undefined && query !== -1 && hasName(target.slice(query + 1), new Set([name.toLowerCase()])))
      return 'credential_ambiguous'
    if (found === 'credential_missing') return found
    const isSecond =
      (query !== -1 && hasName(target.slice(query + 1), inQuery)) || (form !== undefined && hasName(form, inForm))
    return isSecond ? 'credential_ambiguous' : found
  }
}

const nowhere: NonNullable<ServiceRow['apiKey']> = {}

export const readCredential = credentialReader(Object.values(credentialTable))

/** What an identity is remembered by; undefined where nothing must be: one that binds its request proves no other. */
export function cacheKey({ text, place }: Credential): string | undefined {
  if (place.bindsRequest) return undefined
  return place.prefix === '' ? text : place.prefix + text
}

/** Headers that may hold a credential, in lower case: they are taken off before the app sees the request. */
export const credentialHeaders: ReadonlySet<string> = new Set([
  'authorization',
  ...placesOf(Object.values(credentialTable), 'header').keys(),
])

function placesOf(entries: readonly CredentialEntry[], kind: Place['in']): ReadonlyMap<string, PlaceOfKinds> {
  const kinds = new Map<string, CredentialEntry[]>()
  for (const entry of entries) {
    for (const place of entry.places) {
      if (place.in !== kind) continue
      const name = nameOf(place)
      kinds.set(name, [...(kinds.get(name) ?? []), entry])
    }
  }
  return new Map(
    [...kinds].map(([name, standing]) => {
      const prefix = kind === 'authorization' && name === 'bearer' ? '' : `\n${kind} ${name}\n`
      return [name, { kinds: standing, prefix, bindsRequest: standing.some(({ bindsRequest }) => bindsRequest) }]
    }),
  )
}

/** What tells it from others of its sort: the service has one place for API keys. */
function nameOf(place: Place): string {
  if (place.in === 'apiKey') return ''
  return place.in === 'authorization' ? place.scheme : place.name
}

function refusedNames(entries: readonly CredentialEntry[], kind: RefusedPlace['in']): ReadonlySet<string> {
  return new Set(entries.flatMap(entry => entry.refusedPlaces.flatMap(place => (place.in === kind ? place.name : []))))
}

/** Whether a query or a form has one of these names, in any spelling. */
function hasName(encoded: string, names: ReadonlySet<string>): boolean {
  return encoded.split(/[&;]/).some(pair => names.has(decoded(pair.split('=', 1)[0] as string)))
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name).toLowerCase()
  } catch {
    return name.toLowerCase()
  }
}
