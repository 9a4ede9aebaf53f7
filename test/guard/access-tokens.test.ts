import { beforeEach, describe, expect, it } from 'vitest'
import { revocationId } from '../../core/credential/revocation.ts'
import { guardForAll } from '../builders/guard.ts'
import { accessToken, createIssuerKey, issuerKey, ordersIssuer, tokenRows } from './access-token-rows.ts'
import { alice, nowSeconds } from './policy-rows.ts'
import { openRaw, type RawAnswer, sendRaw } from './raw-socket.ts'

const guarded = guardForAll()
beforeEach(() => guarded.rig.apply(tokenRows()))

const head = (token: string) => `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
const call = (token: string): Promise<RawAnswer> => sendRaw(guarded.rig.port, head(token))
const outcomeOf = ({ status, body }: RawAnswer) => (status === 200 ? '200' : `${status} ${JSON.parse(body).code}`)

describe('an access token', () => {
  it('lets its client in, tells the app who it is and what the token is for, and goes no further', async () => {
    const token = accessToken({ scope: 'orders.read orders.write' })
    expect(outcomeOf(await call(token))).toBe('200')
    const [seen] = guarded.app.seen
    expect(seen?.header('Latchkey-Client')).toBe(alice.clientId)
    expect(seen?.header('Latchkey-Roles')).toBe('caller')
    expect(seen?.header('Latchkey-Scopes')).toBe('orders.read, orders.write')
    expect(seen?.header('Authorization')).toBeUndefined()
    expect((await guarded.rig.audit()).at(-1)).toMatchObject({
      ...{ decision: 'allow', client: 'callers/alice', key: alice.key.kid },
    })
  })

  it('J29 is refused with another signature, also once it was good', async () => {
    const [header, payload] = accessToken().split('.')
    const good = accessToken()
    expect(outcomeOf(await call(good))).toBe('200')
    const [, , other] = accessToken({}, createIssuerKey()).split('.')
    const [itsHeader, itsPayload] = good.split('.')
    expect(outcomeOf(await call(`${itsHeader}.${itsPayload}.${other}`))).toBe('401 invalid_token')
    expect(outcomeOf(await call(`${header}.${payload}.${other}`))).toBe('401 invalid_token')
  })

  it('that is revoked is refused from the next request on, on a connection that says the same again', async () => {
    const jti = 'a-jti'
    const [token, another] = [accessToken({ jti }), accessToken()]
    const connection = await openRaw(guarded.rig.port)
    const again = async (text: string) => {
      connection.send(head(text))
      return outcomeOf(await connection.answer())
    }
    expect([await again(token), await again(another)]).toEqual(['200', '200'])
    guarded.rig.apply(tokenRows({ revoked: [revocationId(ordersIssuer, jti)] }))
    expect([await again(token), await again(another)]).toEqual(['401 token_revoked', '200'])
    guarded.rig.apply(tokenRows({ revokedUpTo: nowSeconds() }))
    expect([await again(token), await again(another)]).toEqual(['401 token_revoked', '401 token_revoked'])
    connection.socket.destroy()
  })

  it.each([
    ['expired', { iat: nowSeconds() - 400, exp: nowSeconds() - 100 }, '401 token_expired', 'invalid_token'],
    ['for another service', { aud: 'https://billing.shop.svc' }, '401 wrong_audience', 'invalid_token'],
    ['of a client with nothing here', { sub: 'sc_x', client_id: 'sc_x' }, '403 not_subscribed', 'insufficient_scope'],
    ['got with a key that is gone', { key_id: 'gone' }, '401 key_revoked', 'invalid_token'],
  ])('is told apart when it is %s', async (_, claims, outcome, error) => {
    const answer = await call(accessToken(claims))
    expect(outcomeOf(answer)).toBe(outcome)
    expect(answer.headers['www-authenticate']?.[0]).toContain(`error="${error}"`)
    expect(guarded.app.seen).toEqual([])
  })

  it('passes while the issuer changes its keys, and none that a gone key signed', async () => {
    const next = createIssuerKey()
    const [old, fresh] = [accessToken(), accessToken({}, next)]
    const steps = [[issuerKey], [issuerKey, next], [next]]
    const outcomes: string[][] = []
    for (const keys of steps) {
      guarded.rig.apply(tokenRows(undefined, { keys }))
      outcomes.push([outcomeOf(await call(old)), outcomeOf(await call(fresh))])
    }
    expect(outcomes).toEqual([
      ['200', '401 invalid_token'],
      ['200', '200'],
      ['401 invalid_token', '200'],
    ])
  })

  it('ends in time when it is not known what was revoked, remembered or not, and passes again after that', async () => {
    const token = accessToken()
    expect(outcomeOf(await call(token))).toBe('200')
    guarded.rig.apply(tokenRows(undefined, { unknownSince: nowSeconds() - 86_500 }))
    expect(outcomeOf(await call(token))).toBe('503 policy_stale')
    expect(outcomeOf(await call(alice.token()))).toBe('200')
    guarded.rig.apply(tokenRows())
    expect(outcomeOf(await call(token))).toBe('200')
  })
})
