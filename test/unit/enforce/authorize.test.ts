import { describe, expect, test } from 'vitest'
import type { AuthorizationRequest, CredentialEntry } from '../../../core/credential/entry.ts'
import { credentialReader } from '../../../core/credential/read.ts'
import { credentialTable } from '../../../core/credential/table.ts'
import { createDecisionPoint } from '../../../enforce/authorize.ts'
import { boundsFor, createIdentityCache } from '../../../enforce/identity-cache.ts'
import { clientToken, now, snapshotOf, usualRows } from '../core/fixture.ts'

const snapshot = snapshotOf(usualRows())
const policy = { snapshot: () => snapshot, unfit: () => undefined } as unknown as Parameters<
  typeof createDecisionPoint
>[0]['policy']

/** An authorizer whose one kind of credential counts how often it proves. */
function withKind(changes: Partial<CredentialEntry>) {
  let proved = 0
  const kind: CredentialEntry = {
    ...credentialTable.ClientToken,
    ...changes,
    prove(...given) {
      proved++
      return credentialTable.ClientToken.prove(...given)
    },
  }
  const cache = createIdentityCache(() => boundsFor(1))
  const authorizer = createDecisionPoint({ policy, cache, now: () => now, read: credentialReader([kind]) })
  return { authorizer, proved: () => proved }
}

const asked = (changes: Partial<AuthorizationRequest>): AuthorizationRequest => ({
  ...{ method: 'GET', target: '/orders', authorization: undefined, names: [], values: [] },
  ...changes,
})
const bearer = asked({ authorization: `Bearer ${clientToken()}` })

describe('a credential that was proved', () => {
  test('is not proved again', () => {
    const { authorizer, proved } = withKind({})
    expect([authorizer.authorizeKnown(bearer), authorizer.authorize(bearer).pass]).toEqual([undefined, true])
    expect([authorizer.authorize(bearer).pass, authorizer.authorizeKnown(bearer)?.pass]).toEqual([true, true])
    expect(proved()).toBe(1)
  })

  test('is proved on every use when it is good for one request', () => {
    const { authorizer, proved } = withKind({ bindsRequest: true })
    for (const use of [1, 2, 3]) {
      expect(authorizer.authorize(bearer).pass).toBe(true)
      expect(authorizer.authorizeKnown(bearer)).toBeUndefined()
      expect(proved()).toBe(use)
    }
  })

  test('says nothing of the same text at another place', () => {
    const places = [
      { in: 'authorization', scheme: 'bearer' },
      { in: 'header', name: 'x-key' },
    ] as const
    const { authorizer, proved } = withKind({ places })
    expect(authorizer.authorize(asked({ names: ['x-key'], values: [clientToken()] })).pass).toBe(true)
    expect(authorizer.authorizeKnown(bearer)).toBeUndefined()
    expect(authorizer.authorizeKnown(asked({ names: ['x-key'], values: [clientToken()] }))?.pass).toBe(true)
    expect(proved()).toBe(1)
  })
})
