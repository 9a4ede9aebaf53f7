import { generateKeyPairSync } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { thumbprint } from '../../../core/jose/jwk.ts'
import { type IssuerAlgorithm, type IssuerKey, writeIssuerKeys } from '../../../core/keys/issuer-keys.ts'
import { followSigningKeys, type SigningChoice } from '../../../issuer/publish/signing-keys.ts'
import type { KubeClient } from '../../../platform/kube/client.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const minuteMs = 60_000
const usual: SigningChoice = { algorithm: 'Ed25519', ed25519Alg: 'EdDSA' }

const pairs = {
  Ed25519: () => generateKeyPairSync('ed25519'),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }),
}

function makeKey(algorithm: IssuerAlgorithm, state: IssuerKey['state'], createdAt = 1_700_000_000) {
  const pair = pairs[algorithm]()
  const jwk: Record<string, unknown> = { ...pair.privateKey.export({ format: 'jwk' }) }
  const kid = thumbprint(jwk)
  const entry: IssuerKey = { kid, algorithm, state, createdAt, ...(state === 'Retiring' && { until: createdAt + 9 }) }
  return { kid, jwk, entry }
}
type Key = ReturnType<typeof makeKey>

let clock: ReturnType<typeof createManualClock>
let secret: { metadata: { resourceVersion: string }; data: Record<string, string> } | Error | undefined
let version = 0

function put(keys: readonly Key[], files: (key: Key) => object = ({ jwk }) => jwk): void {
  const texts = keys.map(key => [`${key.kid}.jwk`, JSON.stringify(files(key))])
  const all = [...texts, ['keys.json', writeIssuerKeys(keys.map(({ entry }) => entry))]]
  const data = Object.fromEntries(all.map(([name, text]) => [name, Buffer.from(text ?? '').toString('base64')]))
  secret = { metadata: { resourceVersion: String(++version) }, data }
}

async function follow(choice: SigningChoice = usual) {
  const client = {
    async get() {
      if (secret instanceof Error) throw secret
      return secret
    },
  } as unknown as Pick<KubeClient, 'get'>
  const keys = followSigningKeys(
    client,
    { namespace: 'latchkey-system', name: 'keys' },
    choice,
    createQuietLog().log,
    clock,
  )
  await clock.advance(0)
  return keys
}

beforeEach(() => {
  clock = createManualClock()
  secret = undefined
})

describe('the keys that sign', () => {
  it('are those that the operator lets sign, Ed25519 first, and all are published', async () => {
    const [next, es256, ed25519, retiring] = [
      makeKey('Ed25519', 'Next'),
      makeKey('ES256', 'Signing'),
      makeKey('Ed25519', 'Signing'),
      makeKey('Ed25519', 'Retiring'),
    ]
    put([next, es256, ed25519, retiring], ({ jwk: { d, ...half }, entry }) =>
      entry.state === 'Retiring' ? half : { ...half, d },
    )
    const keys = await follow()
    expect(keys.signers()?.map(({ kid, algorithm }) => [kid, algorithm])).toEqual([
      [ed25519.kid, 'Ed25519'],
      [es256.kid, 'ES256'],
    ])
    expect(keys.signers()?.[0].privateKey).toEqual(ed25519.jwk)
    expect(new Set(keys.current()?.map(({ kid }) => kid))).toEqual(
      new Set([next.kid, es256.kid, ed25519.kid, retiring.kid]),
    )
    expect(JSON.stringify(keys.current())).not.toContain('"d"')
  })

  it('are in the order that is chosen, as soon as the preferred one signs', async () => {
    const [rs256, es256, ed25519] = [
      makeKey('RS256', 'Signing'),
      makeKey('ES256', 'Signing'),
      makeKey('Ed25519', 'Signing'),
    ]
    const choice = { ...usual, algorithm: 'RS256' as const }
    put([ed25519, es256])
    expect((await follow(choice)).signers()?.map(({ algorithm }) => algorithm)).toEqual(['Ed25519', 'ES256'])
    put([ed25519, es256, rs256])
    const keys = await follow(choice)
    expect(keys.signers()?.map(({ alg, kid }) => [alg, kid])).toEqual([
      ['RS256', rs256.kid],
      ['EdDSA', ed25519.kid],
      ['ES256', es256.kid],
    ])
    expect(keys.signers()?.[0].privateKey).toEqual(rs256.jwk)
    const { e, kty, n } = rs256.jwk
    expect(keys.current()?.find(({ kid }) => kid === rs256.kid)?.publicKey).toEqual({ e, kty, n })
  })

  it('write the name of EdDSA that is chosen', async () => {
    put([makeKey('Ed25519', 'Signing'), makeKey('ES256', 'Signing')])
    const keys = await follow({ algorithm: 'Ed25519', ed25519Alg: 'Ed25519' })
    expect(keys.signers()?.map(({ alg }) => alg)).toEqual(['Ed25519', 'ES256'])
  })

  it('are the same list until they change', async () => {
    put([makeKey('Ed25519', 'Signing')])
    const keys = await follow()
    const first = keys.signers()
    await clock.advance(minuteMs)
    expect(keys.signers()).toBe(first)
    const other = makeKey('Ed25519', 'Signing')
    put([other])
    await clock.advance(minuteMs)
    expect(keys.signers()?.map(({ kid }) => kid)).toEqual([other.kid])
  })

  it('are none before there is a Secret, and where no key may sign yet', async () => {
    const keys = await follow()
    expect([keys.current(), keys.signers()]).toEqual([undefined, undefined])
    put([makeKey('Ed25519', 'Next')])
    await clock.advance(minuteMs)
    expect([keys.current()?.length, keys.signers()]).toEqual([1, undefined])
  })

  it('sign no more when the Secret could not be read for ten minutes, and again when it is', async () => {
    put([makeKey('Ed25519', 'Signing')])
    const there = secret
    const keys = await follow()
    secret = new Error('away')
    await clock.advance(9 * minuteMs)
    expect(keys.signers()).toHaveLength(1)
    await clock.advance(minuteMs)
    expect([keys.signers(), keys.current()?.length]).toEqual([undefined, 1])
    secret = there
    await clock.advance(minuteMs)
    expect(keys.signers()).toHaveLength(1)
  })

  it('are none when one has no private half, or is under the name of another', async () => {
    const key = makeKey('Ed25519', 'Signing')
    put([key], ({ jwk: { d: _, ...half } }) => half)
    expect((await follow()).signers()).toBeUndefined()
    put([key], () => makeKey('Ed25519', 'Signing').jwk)
    expect((await follow()).signers()).toBeUndefined()
  })
})
