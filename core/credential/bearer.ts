import type { CredentialEntry } from './entry.ts'

/** Where bearer tokens stand: RFC 6750 sections 2.1, and 2.2 and 2.3, which nobody takes. */
export const bearerPlaces: Pick<CredentialEntry, 'places' | 'refusedPlaces'> = {
  places: [{ in: 'authorization', scheme: 'bearer' }],
  refusedPlaces: [
    { in: 'form', name: 'access_token' },
    { in: 'query', name: 'access_token' },
  ],
}
