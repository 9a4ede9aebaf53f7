import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type IssuerAlgorithm,
  type IssuerKey,
  issuerKeysFile,
  readIssuerKeys,
  signingKids,
  usualIssuerAlgorithms,
} from '../../../core/keys/issuer-keys.ts'
import { issuerKeyRetiringSeconds } from '../../../core/keys/plan-issuer-keys.ts'
import { rotationRequestedAt } from '../../../core/keys/rotation-request.ts'
import type { PlannedEvent } from '../../../core/status/report.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import { createIssuerKeys } from '../../../operator/certificates/issuer-keys.ts'
import { createRequestReader } from '../../../operator/certificates/rotation-requests.ts'
import { type SecretOf, textsOf } from '../../../operator/owned-objects.ts'
import { createPublishedKeys } from '../../../operator/replicas/published-keys.ts'
import { secrets } from '../../../platform/kube/resources.ts'
import { issuerUrl, releaseNamespace, startWorld, type World } from '../issuer/world.ts'
import { testLog } from './cluster.ts'

const name = 'latchkey-issuer-keys'
const publishAheadMs = 20 * 60_000
let world: World
let replicas: Issuer[] = []
let chosen: readonly IssuerAlgorithm[] = usualIssuerAlgorithms
let now = Math.floor(Date.now() / 1_000) * 1_000

const published = () =>
  createPublishedKeys({
    replicas: () => replicas.map(({ ports }) => ({ host: '127.0.0.1', port: ports.public })),
    authorities: () => world.ca,
    servername: 'issuer.test',
    issuerUrl,
  })()
const refused: [string, PlannedEvent][] = []
const clock = { wallMs: () => now }
const leader = () =>
  createIssuerKeys({
    client: world.admin,
    config: {
      ...{ namespace: releaseNamespace, fullname: 'latchkey', publishAheadMs, issuerKeyEveryMs: 720 * 3_600_000 },
      issuerAlgorithms: chosen,
    },
    published,
    request: createRequestReader({
      ...{ clock, log: testLog('error') },
      record: ({ metadata }, event) => void refused.push([metadata.name, event]),
    }),
    clock,
    log: testLog(),
  })
const files = async () => textsOf(await world.admin.get<SecretOf>(secrets, releaseNamespace, name))
const keys = async () => readIssuerKeys((await files())[issuerKeysFile])
const states = (of: readonly IssuerKey[]) => of.map(({ algorithm, state }) => `${algorithm} ${state}`).sort()

/** Passes of two leaders at once, until both rest. */
async function settle(): Promise<void> {
  const both = [leader(), leader()]
  for (let pass = 0; pass < 30; pass++) {
    const rests = await Promise.all(both.map(one => one.reconcile()))
    if (rests.every(rest => rest?.requeueAfterMs !== 0)) return
  }
  throw new Error('does not settle')
}

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world?.close())

describe("the issuer's keys, of two leaders and real replicas (F03, F07)", () => {
  let first: Partial<Record<string, string>>

  it('sign nothing while there is no replica that publishes them', async () => {
    await settle()
    expect(states(await keys())).toEqual(['ES256 Next', 'Ed25519 Next'])
  })

  it('sign as soon as a replica publishes them, one of each algorithm', async () => {
    replicas = [await world.startReplica()]
    await expect.poll(async () => (await published()).size).toBe(2)
    await settle()
    expect(states(await keys())).toEqual(['ES256 Signing', 'Ed25519 Signing'])
    first = signingKids(await keys())
    expect(new Set(Object.values(first))).toEqual(await published())
  })

  it.each(['now', 'true', '1798761600', '12/01/2026', '2027-01-31T12:00:00,5Z', '9999-01-01T00:00:00Z'])(
    'are left as they are by a request that says %s, which is told of',
    async text => {
      const before = await keys()
      await world.admin.patch(secrets, releaseNamespace, name, {
        metadata: { annotations: { [rotationRequestedAt]: text } },
      })
      refused.length = 0
      await settle()
      expect(await keys()).toEqual(before)
      const event = {
        type: 'Warning',
        reason: 'RotationRequestRefused',
        note: expect.stringContaining(rotationRequestedAt),
      }
      expect(refused).toContainEqual([name, expect.objectContaining(event)])
    },
  )

  it('are made anew on request, and do not sign while one replica does not publish them (F15)', async () => {
    const annotations = { [rotationRequestedAt]: new Date(now + 1_000).toISOString() }
    await world.admin.patch(secrets, releaseNamespace, name, { metadata: { annotations } })
    now += 2_000
    await settle()
    // The first replica has read the Secret a moment ago and does so every 30 s.
    replicas = [...replicas, await world.startReplica()]
    now += publishAheadMs + 1_000
    await settle()
    expect(signingKids(await keys())).toEqual(first)
    expect((await keys()).every(({ state, publishedAt }) => state !== 'Next' || publishedAt === undefined)).toBe(true)
  })

  it('sign when every replica has published them for publishAhead; the old ones keep no private half', async () => {
    const [old] = replicas
    replicas = replicas.slice(1)
    await old?.close(0)
    await expect.poll(async () => (await published()).size).toBe(4)
    await settle()
    expect(signingKids(await keys())).toEqual(first)
    now += publishAheadMs - 1_000
    await settle()
    expect(signingKids(await keys())).toEqual(first)
    now += 2_000
    await settle()
    const after = await keys()
    expect(states(after)).toEqual(['ES256 Retiring', 'ES256 Signing', 'Ed25519 Retiring', 'Ed25519 Signing'])
    for (const { kid, state } of after) {
      expect((await files())[`${kid}.jwk`]?.includes('"d":'), `${state} ${kid}`).toBe(state === 'Signing')
    }
  })

  it('are published, and taken by a new replica, until their last token has ended', async () => {
    const replica = await world.startReplica()
    replicas = [replica]
    await expect.poll(async () => (await published()).size).toBe(4)
    now += (issuerKeyRetiringSeconds - 10) * 1_000
    await settle()
    expect((await keys()).length).toBe(4)
    now += 20_000
    await settle()
    expect(states(await keys())).toEqual(['ES256 Signing', 'Ed25519 Signing'])
    expect(Object.keys(await files())).toHaveLength(3)
    for (const kid of Object.values(first)) expect(Object.keys(await files())).not.toContain(`${kid}.jwk`)
  })

  it('of a Secret that was deleted come anew, and sign when they are published', async () => {
    await world.admin.delete(secrets, releaseNamespace, name)
    await settle()
    const made = await keys()
    expect(states(made)).toEqual(['ES256 Next', 'Ed25519 Next'])
    replicas = [await world.startReplica()]
    await expect.poll(async () => (await published()).size).toBe(2)
    await settle()
    expect(Object.values(signingKids(await keys())).sort()).toEqual(made.map(({ kid }) => kid).sort())
  })

  it('are used on when a release before this one made them: an upgrade mints nothing', async () => {
    const before = await files()
    const secret = await world.admin.get<SecretOf>(secrets, releaseNamespace, name)
    const { [issuerKeysFile]: _, ...data } = secret?.data ?? {}
    await world.admin.update<SecretOf>(secrets, { ...(secret as SecretOf), data })
    await settle()
    const after = await files()
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort())
    expect(states(await keys())).toEqual(['ES256 Signing', 'Ed25519 Signing'])
  })

  it('are rid of files that are no keys, which would keep replicas from reading the others', async () => {
    const data = { 'a.jwk': Buffer.from('{').toString('base64'), note: Buffer.from('kept').toString('base64') }
    await world.admin.patch(secrets, releaseNamespace, name, { data })
    await settle()
    const now = await files()
    expect(now['a.jwk']).toBeUndefined()
    expect(now.note).toBe('kept')
  })

  it('of an RSA key that is chosen are published first, and the others go when it signs', async () => {
    now += 60_000
    chosen = ['RS256', 'ES256']
    await settle()
    expect(states(await keys())).toEqual(['ES256 Signing', 'Ed25519 Signing', 'RS256 Next'])
    replicas = [await world.startReplica()]
    await expect.poll(async () => (await published()).size).toBe(3)
    await settle()
    expect(states(await keys())).toEqual(['ES256 Signing', 'Ed25519 Signing', 'RS256 Next'])
    now += publishAheadMs + 1_000
    await settle()
    expect(states(await keys())).toEqual(['ES256 Signing', 'Ed25519 Retiring', 'RS256 Signing'])
    for (const { kid, state } of await keys()) {
      const text = (await files())[`${kid}.jwk`] ?? ''
      for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi'])
        if (state === 'Retiring') expect(text).not.toContain(`"${member}":`)
    }
    now += issuerKeyRetiringSeconds * 1_000
    await settle()
    expect(states(await keys())).toEqual(['ES256 Signing', 'RS256 Signing'])
  })

  it('of an RSA key rotate as others, and lose every private member when they retire', async () => {
    const { RS256: first = '' } = signingKids(await keys())
    now += 720 * 3_600_000
    await settle()
    replicas = [await world.startReplica()]
    await expect.poll(async () => (await published()).size).toBe(4)
    await settle()
    now += publishAheadMs + 1_000
    await settle()
    expect(states(await keys())).toEqual(['ES256 Retiring', 'ES256 Signing', 'RS256 Retiring', 'RS256 Signing'])
    const retired = JSON.parse((await files())[`${first}.jwk`] ?? '{}')
    expect(Object.keys(retired).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })
})
