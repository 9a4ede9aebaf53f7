import { beforeAll, describe, expect, it } from 'vitest'
import {
  authorityFiles,
  authorityLifetimeMs,
  planAuthority,
  planServing,
  replaced,
  servingLifetimeMs,
  staged,
  withoutRetired,
} from '../../../operator/certificates/plan-certificates.ts'
import { createAuthority, createServerCertificate, type IssuedCertificate } from '../../../platform/x509.ts'

const day = 86_400_000
const start = Date.UTC(2026, 0, 1)
const at = (days: number) => new Date(start + days * day)
const hosts = ['issuer.test']
const life = authorityLifetimeMs / day

let one: IssuedCertificate
let two: IssuedCertificate
let stranger: IssuedCertificate
const serving = (authority: IssuedCertificate, now = at(0)) =>
  createServerCertificate({ authority, hosts, now, lifetimeMs: servingLifetimeMs })
beforeAll(async () => {
  const make = (commonName: string, now: Date) => createAuthority({ commonName, now, lifetimeMs: authorityLifetimeMs })
  one = await make('one', at(0))
  two = await make('two', at((life * 2) / 3))
  stranger = await make('stranger', at(0))
})

const everywhere = { hasReached: async () => true }
const nowhere = { hasReached: async () => false }
const unasked = {
  hasReached: async (): Promise<boolean> => {
    throw new Error('nobody is asked before it matters')
  },
}
const alone = () => authorityFiles({ current: one, bundle: one.certificate })
const withNext = () => authorityFiles(staged({ current: one, bundle: one.certificate }, two, at((life * 2) / 3)))

describe('the next authority (F19)', () => {
  it('is made at two thirds of the life of the one in use', async () => {
    expect(await planAuthority(alone(), unasked, at((life * 2) / 3 - 1))).toMatchObject({ do: 'keep' })
    expect(await planAuthority(alone(), unasked, at((life * 2) / 3 + 1))).toMatchObject({ do: 'stage' })
  })
  it('signs nothing for a day, though everybody has it', async () => {
    const plan = await planAuthority(withNext(), unasked, at((life * 2) / 3 + 0.9))
    expect(plan).toMatchObject({ do: 'keep', state: { current: one, next: two } })
  })
  it('signs when a day has passed and everything that trusts us has it', async () => {
    const plan = await planAuthority(withNext(), everywhere, at((life * 2) / 3 + 1.1))
    expect(plan).toMatchObject({ do: 'write', state: { current: two } })
  })
  it('signs nothing while something lacks it, and is asked about again within the minute', async () => {
    const now = at((life * 2) / 3 + 100)
    const plan = await planAuthority(withNext(), nowhere, now)
    expect(plan).toMatchObject({ do: 'keep', state: { current: one }, nextAt: now.getTime() + 10_000 })
    // What is due shows how late it is.
    expect(plan).toMatchObject({ dueAt: start + ((life * 2) / 3 + 1) * day })
  })
  it('signs whatever lacks it when a twelfth of the life is left: better some than nobody', async () => {
    expect(await planAuthority(withNext(), nowhere, at((life * 11) / 12 + 1))).toMatchObject({ do: 'write' })
  })
  it.each([
    ['before that moment: not yet', 99, 'keep'],
    ['from that moment on', 100, 'stage'],
  ])('is made on request, %s', async (_, days, done) => {
    const about = { ...unasked, requestedAt: start + 100 * day }
    expect(await planAuthority(alone(), about, at(days))).toMatchObject({ do: done })
  })
  it('is made once for a request', async () => {
    const next = await createAuthority({ commonName: 'next', now: at(100), lifetimeMs: authorityLifetimeMs })
    const files = authorityFiles(staged({ current: one, bundle: one.certificate }, next, at(100)))
    const about = { ...unasked, requestedAt: start + 100 * day }
    expect(await planAuthority(files, about, at(100))).toMatchObject({ do: 'keep' })
    const signing = authorityFiles({ current: next, bundle: next.certificate })
    expect(await planAuthority(signing, about, at(200))).toMatchObject({ do: 'keep' })
  })
  it('that is older than a request is made anew: whoever got the one has the other', async () => {
    const about = { ...unasked, requestedAt: start + ((life * 2) / 3 + 0.5) * day }
    expect(await planAuthority(withNext(), about, at((life * 2) / 3 + 0.6))).toMatchObject({ do: 'stage' })
  })
})

describe('a serving certificate', () => {
  const files = async (authority: IssuedCertificate, made = at(0)) => {
    const { certificate, privateKey } = await serving(authority, made)
    return { 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': '' }
  }
  const both = () => replaced(two, [one.certificate], at((life * 2) / 3))

  it('of an authority that was lost is served until the new one is known everywhere: the bundle goes first', async () => {
    const wanted = { authority: both(), hosts }
    const plan = await planServing(await files(one), { ...wanted, ...nowhere }, at(1))
    expect(plan).toMatchObject({ do: 'keep', nextAt: at(1).getTime() + 10_000, bundleFits: false })
    expect(plan).not.toHaveProperty('settledAt')
    expect(await planServing(await files(one), { ...wanted, ...everywhere }, at(1))).toEqual({ do: 'issue' })
  })
  it.each([
    ['near its end, whoever knows its authority', 83],
    ['ended', 91],
  ])('of another authority is made anew when it is %s', async (_, days) => {
    const plan = await planServing(await files(one), { authority: both(), hosts, ...nowhere }, at(days))
    expect(plan).toEqual({ do: 'issue' })
  })
  it('of an authority that nobody trusts is made anew at once', async () => {
    const plan = await planServing(await files(stranger), { authority: both(), hosts, ...unasked }, at(1))
    expect(plan).toEqual({ do: 'issue' })
  })
  it.each([
    ['not before that moment', 9, 'keep'],
    ['from that moment on', 10, 'issue'],
  ])('is made anew on request, %s', async (_, days, done) => {
    const wanted = { authority: { current: one, bundle: '' }, hosts, ...unasked, requestedAt: start + 10 * day }
    expect(await planServing(await files(one), wanted, at(days))).toMatchObject({ do: done })
    expect(await planServing(await files(one, at(10)), wanted, at(11))).toMatchObject({ do: 'keep' })
  })
  it('settles a day after it was made by the authority in use', async () => {
    const wanted = { authority: { current: one, bundle: '' }, hosts, ...unasked }
    expect(await planServing(await files(one), wanted, at(2))).toMatchObject({ do: 'keep', settledAt: start + day })
  })
})

describe('an authority that signs nothing any more', () => {
  const now = at((life * 2) / 3 + 2)
  it('leaves the bundle', () => {
    const state = replaced(two, [one.certificate, two.certificate], now)
    expect(state.bundle).toContain(one.certificate)
    expect(withoutRetired(state, now)).toEqual({ current: two, bundle: two.certificate })
  })
  it('is not the one that signs, nor the next one', () => {
    expect(withoutRetired(staged({ current: one, bundle: one.certificate }, two, now), now)).toBeUndefined()
  })
})
