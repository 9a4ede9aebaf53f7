import { describe, expect, it } from 'vitest'
import { maxAccessTokenSeconds } from '../../../core/credential/access-token-claims.ts'
import { readRevocation, recordOfClient } from '../../../issuer/revocations/revocation-record.ts'
import { createRevocations } from '../../../issuer/revocations/revocations.ts'

const orders = 'https://orders.shop.svc'
const billing = 'https://billing.shop.svc'
const one = (id: string, issuedAt: number, { clientId = 'sc_a', audience = orders, endsAt = issuedAt + 330 } = {}) => ({
  ...{ id, issuedAt, clientId, audience, endsAt },
})

function started(bounds = { client: 3, sum: 100 }) {
  const revocations = createRevocations(bounds)
  const told: string[] = []
  revocations.onChange((clientId, what) => void told.push(`${clientId} ${what}`))
  return { revocations, told }
}

describe('revocations', () => {
  it('are told to the service that the token was for, of the client whose it was, each once', () => {
    const { revocations, told } = started()
    for (const revocation of [one('b', 10), one('a', 10), one('a', 10), one('c', 10, { audience: billing })])
      revocations.take(revocation)
    expect(revocations.of('sc_a', orders)).toEqual({ revoked: ['a', 'b'] })
    expect(revocations.of('sc_a', billing)).toEqual({ revoked: ['c'] })
    expect(revocations.of('sc_b', orders)).toEqual({})
    expect(told).toEqual(['sc_a more', 'sc_a more', 'sc_a more'])
  })

  it('stay until their tokens have ended, and go then', () => {
    const { revocations, told } = started()
    revocations.take(one('a', 10))
    revocations.take(one('b', 20))
    revocations.prune(339)
    expect(revocations.of('sc_a', orders)).toEqual({ revoked: ['a', 'b'] })
    revocations.prune(340)
    expect(revocations.of('sc_a', orders)).toEqual({ revoked: ['b'] })
    revocations.prune(350)
    expect(revocations.of('sc_a', orders)).toEqual({})
    expect(told.filter(text => text.endsWith('less'))).toHaveLength(2)
  })

  it('of more tokens of one client than are known one by one refuse all that it was given until then', () => {
    const { revocations } = started()
    for (const [at, id] of ['a', 'b', 'c'].entries()) revocations.take(one(id, 10 + at))
    expect(revocations.standing('sc_a')).toEqual({ isFull: true, upTo: undefined })
    revocations.take(one('d', 11))
    expect(revocations.of('sc_a', orders)).toEqual({ revokedUpTo: 12 })
    expect(revocations.of('sc_a', billing)).toEqual({ revokedUpTo: 12 })
    revocations.take(one('e', 12))
    revocations.take(one('f', 13))
    expect(revocations.of('sc_a', orders)).toEqual({ revoked: ['f'], revokedUpTo: 12 })
    revocations.prune(342)
    expect(revocations.of('sc_a', orders)).toEqual({ revoked: ['f'] })
  })

  it('of too many tokens in all cost the client that revokes the next one, and no other', () => {
    const { revocations } = started({ client: 3, sum: 3 })
    for (const clientId of ['sc_b', 'sc_c', 'sc_d']) revocations.take(one(clientId, 10, { clientId }))
    revocations.take(one('a', 10))
    expect(revocations.of('sc_a', orders)).toEqual({ revokedUpTo: 10 })
    expect(revocations.of('sc_b', orders)).toEqual({ revoked: ['sc_b'] })
  })

  it('of a whole client cover what was revoked one by one, and never go back', () => {
    const { revocations } = started()
    revocations.take(one('a', 10))
    revocations.take(one('b', 30))
    const whole = (upTo: number) => readRevocation({ value: undefined, ...recordOfClient('sc_a', upTo) })
    revocations.take(whole(20))
    revocations.take(whole(15))
    expect(revocations.of('sc_a', orders)).toEqual({ revoked: ['b'], revokedUpTo: 20 })
    // Until the longest-lived of those tokens has ended everywhere.
    revocations.prune(20 + maxAccessTokenSeconds + 29)
    expect(revocations.of('sc_a', orders)).toEqual({ revokedUpTo: 20 })
    revocations.prune(20 + maxAccessTokenSeconds + 30)
    expect(revocations.of('sc_a', orders)).toEqual({})
  })
})

describe('a record', () => {
  it.each([
    ['nothing', undefined],
    ['no client', { upTo: 1 }],
    ['a client alone', { clientId: 'sc_a' }],
    ['no id', { clientId: 'sc_a', audience: orders, issuedAt: 1 }],
    ['no time', { clientId: 'sc_a', audience: orders, id: 'a', issuedAt: '1' }],
  ])('that says %s is not passed over', (_, value) => {
    expect(() => readRevocation({ endsAt: 1, value })).toThrow('a revocation of the token store')
  })
})
