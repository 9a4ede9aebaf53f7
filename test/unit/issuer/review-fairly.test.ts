import { describe, expect, it } from 'vitest'
import { isWorthReview } from '../../../issuer/authenticate/look-at-token.ts'
import { createFairReviewer } from '../../../issuer/authenticate/review-fairly.ts'
import type { Holder } from '../../../issuer/authenticate/token-review.ts'
import { createGate } from '../cluster/fake-api.ts'
import { createManualClock, settled } from '../platform/manual-clock.ts'

const audience = 'https://issuer.test/default/v1/snapshots'
const nowSeconds = 1_800_000_000
const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const good = { iss: 'https://kubernetes.default.svc', aud: [audience], exp: nowSeconds + 600 }
const tokenOf = (claims: unknown, header: unknown = { alg: 'RS256', kid: 'a' }) =>
  `${encode(header)}.${encode(claims)}.${encode('signature')}`

describe('S06 the API server is not asked about', () => {
  const { iss: _iss, ...noIssuer } = good
  const { exp: _exp, ...noEnd } = good
  it.each([
    ['what is no token', 'hunter2'],
    ['two parts', 'a.b'],
    ['four parts', `${tokenOf(good)}.d`],
    ['an empty part', `${encode({})}..c`],
    ['a token of 9 KiB', tokenOf({ ...good, more: 'x'.repeat(9_000) })],
    ['a header that is no JSON', tokenOf(good, '{')],
    ['a header without alg', tokenOf(good, {})],
    ['claims that are no JSON', tokenOf('{')],
    ['claims that are a list', tokenOf([good])],
    ['claims that are null', tokenOf('null')],
    ['another audience', tokenOf({ ...good, aud: ['https://orders.shop.svc'] })],
    ['an audience that only begins so', tokenOf({ ...good, aud: `${audience}/x` })],
    ['no audience', tokenOf({ ...good, aud: [] })],
    ['an audience that is an object', tokenOf({ ...good, aud: { [audience]: true } })],
    ['an end that has passed', tokenOf({ ...good, exp: nowSeconds - 61 })],
    ['no end', tokenOf(noEnd)],
    ['an end that is a text', tokenOf({ ...good, exp: '9999999999' })],
    ['no issuer', tokenOf(noIssuer)],
    ['an empty issuer', tokenOf({ ...good, iss: '' })],
  ])('%s', (_what, token) => {
    expect(isWorthReview(token, { audience, nowSeconds })).toBe(false)
  })

  it('but about what it may take: an audience alone or among others, and an end just now', () => {
    for (const claims of [
      good,
      { ...good, aud: audience },
      { ...good, aud: ['b', audience] },
      { ...good, exp: nowSeconds },
    ]) {
      expect(isWorthReview(tokenOf(claims), { audience, nowSeconds })).toBe(true)
    }
  })
})

describe('S06 reviews', () => {
  function world(answer: (token: string) => Promise<Holder | undefined>) {
    const clock = createManualClock()
    const asked: string[] = []
    const review = (token: string) => {
      asked.push(token)
      return answer(token)
    }
    const reviewer = createFairReviewer(
      { review, mayEnforce: async () => true, mayGet: async () => true },
      { audience, clock },
    )
    const exp = Math.floor(clock.wallMs() / 1_000) + 600
    return { clock, asked, reviewer, token: (jti: string) => tokenOf({ ...good, exp, jti }) }
  }
  const holder: Holder = { user: { username: 'system:serviceaccount:shop:app' }, expiresAt: 9 }

  it('ask once for a token that comes many times at once', async () => {
    const { reviewer, asked, token } = world(async () => holder)
    const answers = Array.from({ length: 50 }, (_, n) => reviewer.review(`peer ${n}`, token('same')))
    expect(new Set(await Promise.all(answers))).toEqual(new Set([holder]))
    expect(asked).toHaveLength(1)
  })

  it('remember for a moment that a token was refused', async () => {
    const { reviewer, asked, token, clock } = world(async () => undefined)
    for (let n = 0; n < 20; n++) expect(await reviewer.review('a', token('bad'))).toBeUndefined()
    expect(asked).toHaveLength(1)
    await clock.advance(5_000)
    await reviewer.review('a', token('bad'))
    expect(asked).toHaveLength(2)
  })

  it('remember no fault of the API server', async () => {
    let isAway = true
    const { reviewer, token } = world(async () => {
      if (isAway) throw new Error('away')
      return holder
    })
    await expect(reviewer.review('a', token('x'))).rejects.toThrow('away')
    isAway = false
    expect(await reviewer.review('a', token('x'))).toBe(holder)
  })

  it('let a guard through at once while 200 made-up tokens of another peer wait', async () => {
    const { reviewer, asked, token } = world(text =>
      text === token('true') ? Promise.resolve(holder) : new Promise(() => {}),
    )
    for (let n = 0; n < 200; n++) void reviewer.review('stranger', token(`bogus ${n}`))
    await settled()
    expect(asked).toHaveLength(8)
    expect(await reviewer.review('guard', token('true'))).toBe(holder)
  })

  it('let in a guard that has an address of its own, whoever fills the queue from four others', async () => {
    const { reviewer, token } = world(() => new Promise(() => {}))
    const peers = ['a', 'b', 'c', 'd']
    for (const peer of peers) for (let n = 0; n < 300; n++) void reviewer.review(peer, token(`${peer} ${n}`))
    const fates: unknown[] = []
    for (let n = 0; n < 60; n++) {
      void reviewer.review(`guard ${n}`, token(`guard ${n}`)).then(fate => fates.push(fate))
      void reviewer.review(peers[n % 4] ?? '', token(`again ${n}`))
    }
    await settled()
    expect(fates).not.toContain('busy')
  })

  it('of a token that was good are asked for in the turn of its namespace, whatever strangers ask', async () => {
    const { reviewer, token } = world(async text =>
      text === token('good') ? holder : new Promise<undefined>(() => {}),
    )
    for (const peer of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q'])
      for (let n = 0; n < 300; n++) void reviewer.review(peer, token(`${peer} ${n}`))
    for (let n = 0; n < 200; n++)
      void reviewer.reviewAgain({ ...holder, user: { username: 'system:serviceaccount:greedy:app' } }, `slow ${n}`)
    expect(await reviewer.reviewAgain(holder, token('good'))).toBe(holder)
  })

  it('of a token that was good are no refusal while too many wait: what was granted holds', async () => {
    const { reviewer } = world(() => new Promise(() => {}))
    for (let n = 0; n < 1_288; n++) void reviewer.reviewAgain(holder, `${n}`)
    await expect(reviewer.reviewAgain(holder, 'one more')).rejects.toThrow('too many')
  })

  it('refuse what one peer brings beyond its part', async () => {
    const { reviewer, token } = world(() => new Promise(() => {}))
    for (let n = 0; n < 264; n++) void reviewer.review('stranger', token(`bogus ${n}`))
    expect(await reviewer.review('stranger', token('more'))).toBe('busy')
  })

  it('that fail are the answer to all who asked at once, and no answer to who comes later', async () => {
    const { wait, open } = createGate()
    let isAway = true
    const { reviewer, asked, token } = world(async () => {
      if (isAway) await wait()
      if (isAway) throw new Error('away')
      return holder
    })
    const answers = ['a', 'b', 'c'].map(peer => reviewer.review(peer, token('same')).catch(String))
    await settled()
    open()
    expect(await Promise.all(answers)).toEqual(Array(3).fill('Error: away'))
    isAway = false
    expect([await reviewer.review('a', token('same')), asked.length]).toEqual([holder, 2])
  })

  it('that fail, or take long, give their places back in the end', async () => {
    const { wait, open } = createGate()
    const { reviewer, token } = world(async text => {
      if (text === token('good')) return holder
      await wait()
      throw new Error('away')
    })
    const failing = Array.from({ length: 264 }, (_, n) => reviewer.review('a', token(`${n}`)).catch(String))
    await settled()
    expect(await reviewer.review('a', token('good'))).toBe('busy')
    open()
    expect(new Set(await Promise.all(failing))).toEqual(new Set(['Error: away']))
    expect(await reviewer.review('a', token('good'))).toBe(holder)
  })

  it('remember no more than the last 1,024 tokens that were refused', async () => {
    const { reviewer, asked, token } = world(async () => undefined)
    for (let n = 0; n < 1_025; n++) await reviewer.review('a', token(`${n}`))
    asked.length = 0
    for (const [name, times] of [
      ['1024', 0],
      ['1', 0],
      ['0', 1],
    ] as const) {
      await reviewer.review('a', token(name))
      expect([name, asked.length]).toEqual([name, times])
    }
  })

  it('forget first what was refused longest ago, be it for the second time', async () => {
    const { reviewer, asked, token, clock } = world(async () => undefined)
    for (let n = 0; n < 1_024; n++) await reviewer.review('a', token(`${n}`))
    await clock.advance(5_000)
    for (const name of ['0', 'new']) await reviewer.review('a', token(name))
    asked.length = 0
    await reviewer.review('a', token('0'))
    expect(asked).toEqual([])
  })

  it('of a token that was good are asked for anew each time, whatever was answered before', async () => {
    let answer: Holder | undefined
    const { reviewer, asked, token } = world(async () => answer)
    expect(await reviewer.review('a', token('x'))).toBeUndefined()
    answer = holder
    expect([await reviewer.review('a', token('x')), asked.length]).toEqual([undefined, 1])
    expect([await reviewer.reviewAgain(holder, token('x')), asked.length]).toEqual([holder, 2])
    answer = undefined
    expect([await reviewer.reviewAgain(holder, token('x')), asked.length]).toEqual([undefined, 3])
  })

  it('of a right that fail are no refusal, and are asked for anew', async () => {
    let isAway = true
    const mayEnforce = async () => {
      if (isAway) throw new Error('away')
      return false
    }
    const reviewer = createFairReviewer(
      { review: async () => undefined, mayEnforce, mayGet: mayEnforce },
      { audience, clock: createManualClock() },
    )
    const ask = () => reviewer.mayEnforce(holder.user, { namespace: 'shop', name: 'orders' })
    await expect(ask()).rejects.toThrow('away')
    isAway = false
    expect(await ask()).toBe(false)
  })
})
