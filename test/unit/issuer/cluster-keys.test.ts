import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ClusterKeys, createClusterKeys } from '../../../issuer/cluster-keys.ts'
import { createGate } from '../cluster/fake-api.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const { kty, n, e } = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' })
const key = (kid: string) => ({ kid, kty, n, e, alg: 'RS256', use: 'sig' })
const issuer = 'https://kubernetes.default.svc'

let clock: ManualClock
let keys: ClusterKeys
let discovery: () => unknown
let jwks: () => unknown
let asked: number
let changes: number

beforeEach(() => {
  clock = createManualClock()
  asked = 0
  changes = 0
  discovery = () => ({ issuer })
  jwks = () => ({ keys: [key('a')] })
  keys = createClusterKeys(
    {
      async raw<T>(_method: string, path: string): Promise<T> {
        if (path === '/openid/v1/jwks') asked++
        return (path === '/openid/v1/jwks' ? jwks() : discovery()) as T
      },
    },
    { log: createQuietLog().log, clock, random: () => 0 },
  )
  keys.onChange(() => void changes++)
})
afterEach(() => keys.stop())

const kids = () => keys.current()?.keys.map(({ kid }) => kid)
const fail = () => {
  throw new Error('503')
}
/** @returns whether it has started */
function start(): () => boolean {
  let started = false
  void keys.start().then(() => (started = true))
  return () => started
}

describe("the cluster's keys", () => {
  it('are read once at the start and every half minute', async () => {
    const isStarted = start()
    await clock.advance(0)
    expect(isStarted()).toBe(true)
    expect(kids()).toEqual(['a'])
    jwks = () => ({ keys: [key('a'), key('b')] })
    await clock.advance(29_999)
    expect(kids()).toEqual(['a'])
    await clock.advance(1)
    expect(kids()).toEqual(['a', 'b'])
    expect(changes).toBe(2)
  })

  it('that cannot be read at the start are waited for with longer and longer pauses, and the fault is told (S10)', async () => {
    jwks = fail
    const isStarted = start()
    await clock.advance(60_999)
    // At 0, 1, 3, 7, 15 and 31 seconds.
    expect(asked).toBe(6)
    expect(isStarted()).toBe(false)
    expect(keys.fault()).toContain('/openid/v1/jwks')
    jwks = () => ({ keys: [key('a')] })
    await clock.advance(1)
    expect(isStarted()).toBe(true)
    expect(keys.fault()).toBeUndefined()
    expect(kids()).toEqual(['a'])
  })

  it.each<[string, () => unknown, () => unknown]>([
    ['an error', () => ({ issuer }), fail],
    ['what is no key', () => ({ issuer }), () => ({ keys: [key('b'), null, 'x'] })],
    ['something else than keys', () => ({ issuer }), () => ({ keys: { a: key('a') } })],
    ['a text', () => ({ issuer }), () => '{"keys": [{"ki'],
    ['nothing', () => ({ issuer }), () => null],
    ['no issuer', () => ({}), () => ({ keys: [key('b')] })],
    ['an empty issuer', () => ({ issuer: '' }), () => ({ keys: [key('b')] })],
  ])('that are there stay when the answer is %s (S10)', async (_, lyingDiscovery, lyingJwks) => {
    start()
    await clock.advance(0)
    discovery = lyingDiscovery
    jwks = lyingJwks
    await clock.advance(100_000)
    expect(kids()).toEqual(['a'])
    expect(changes).toBe(1)
    discovery = () => ({ issuer })
    jwks = () => ({ keys: [key('b')] })
    await clock.advance(60_000)
    expect(kids()).toEqual(['b'])
  })

  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })
  const rsaOf = (modulusLength: number, publicExponent = 65_537) =>
    generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({ format: 'jwk' })
  it.each<[string, object[], string[]]>([
    ['of a curve that guards do not know', [{ kid: 'b', ...p384 }], ['EC P-384']],
    ['too short', [{ kid: 'b', ...rsaOf(1_024) }], ['RSA']],
    ['with an exponent of 3', [{ kid: 'b', ...rsaOf(2_048, 3) }], ['RSA']],
    ['without a name', [{ kty, n, e }], ['RSA']],
    ['symmetric', [{ kid: 'x', kty: 'oct' }], ['oct']],
    ['of a kind that is no word', [{ kid: 'b', kty: 'a b'.repeat(20) }], ['of no known kind']],
    ['gone', [], []],
  ])('that are there no more are trusted no more, also where the new one is %s (S10)', async (_, others, useless) => {
    const { log, lines } = createQuietLog()
    const client = { raw: async (_: string, path: string) => (path === '/openid/v1/jwks' ? jwks() : discovery()) }
    keys = createClusterKeys(client as Parameters<typeof createClusterKeys>[0], { log, clock, random: () => 0 })
    jwks = () => ({ keys: [key('a'), ...others] })
    start()
    await clock.advance(0)
    expect(kids()).toEqual(['a'])
    jwks = () => ({ keys: others })
    await clock.advance(60_000)
    expect([kids(), keys.fault()]).toEqual([[], undefined])
    const told = lines.filter(({ msg }) => String(msg).startsWith('no key of the cluster'))
    expect(told.map(line => line.useless)).toEqual([useless])
  })

  it('that guards do not know keep no issuer from starting: key pairs need none of them', async () => {
    jwks = () => ({ keys: [{ kid: 'b', ...p384 }] })
    const isStarted = start()
    await clock.advance(0)
    expect([isStarted(), kids()]).toEqual([true, []])
  })

  it('that come slowly are waited for, both documents of them; half an answer is none', async () => {
    const { wait, open } = createGate()
    jwks = () => wait().then(() => ({ keys: [key('a')] }))
    const isStarted = start()
    await clock.advance(600_000)
    expect([isStarted(), asked, kids()]).toEqual([false, 1, undefined])
    // Nothing was refused: that it takes long is no fault of a right.
    expect(keys.fault()).toBeUndefined()
    open()
    await clock.advance(0)
    expect([isStarted(), kids()]).toEqual([true, ['a']])
  })

  it('that come slowly again keep those that are there in force, and are not asked for beside', async () => {
    start()
    await clock.advance(0)
    const { wait, open } = createGate()
    discovery = () => wait().then(() => ({ issuer }))
    jwks = () => ({ keys: [key('b')] })
    await clock.advance(900_000)
    expect([asked, kids(), changes]).toEqual([2, ['a'], 1])
    open()
    await clock.advance(0)
    expect([kids(), changes]).toEqual([['b'], 2])
  })

  it('that are the same in another order are no change', async () => {
    jwks = () => ({ keys: [key('b'), key('a')] })
    start()
    await clock.advance(0)
    jwks = () => ({ keys: [key('a'), key('b')] })
    await clock.advance(30_000)
    expect([kids(), changes]).toEqual([['a', 'b'], 1])
  })

  it('are no longer waited for when the process stops', async () => {
    jwks = fail
    const stopping = new AbortController()
    let started = false
    void keys.start(stopping.signal).then(() => (started = true))
    await clock.advance(10_000)
    stopping.abort()
    await clock.advance(0)
    expect(started).toBe(true)
    expect(clock.pending()).toBe(0)
  })
})
