import { describe, expect, it } from 'vitest'
import { type IssuerKey, readIssuerKeys, signingKids, writeIssuerKeys } from '../../../../core/keys/issuer-keys.ts'
import {
  issuerKeyRetiringSeconds,
  type ObservedIssuerKeys,
  planIssuerKeys,
} from '../../../../core/keys/plan-issuer-keys.ts'

const now = 1_790_000_000
const hour = 3_600
const day = 24 * hour

const key = (kid: string, state: IssuerKey['state'], change: Partial<IssuerKey> = {}): IssuerKey => ({
  kid,
  algorithm: kid.startsWith('es') ? 'ES256' : kid.startsWith('rs') ? 'RS256' : 'Ed25519',
  state,
  createdAt: now - day,
  ...(state === 'Retiring' && { until: now + hour }),
  ...change,
})
/** Both algorithms with a key that signs, and whatever else there is. */
const ed = key('ed1', 'Signing')
const es = key('es1', 'Signing')
const observed = (keys: readonly IssuerKey[], change: Partial<ObservedIssuerKeys> = {}): ObservedIssuerKeys => ({
  keys,
  algorithms: ['Ed25519', 'ES256'],
  files: keys.map(({ kid, algorithm, state }) => ({ kid, algorithm, signs: state !== 'Retiring' })),
  unreadable: false,
  published: new Set(keys.map(({ kid }) => kid)),
  everySeconds: 30 * day,
  publishAheadSeconds: 20 * 60,
  ...change,
})
const due = key('ed1', 'Signing', { createdAt: now - 30 * day })

describe("the issuer's keys", () => {
  it.each<[string, ObservedIssuerKeys, ReturnType<typeof planIssuerKeys>]>([
    ['that are not there are made one by one', observed([]), { do: 'write', keys: [], mint: 'Ed25519' }],
    [
      'of one algorithm are made when only the other is there',
      observed([ed]),
      { do: 'write', keys: [ed], mint: 'ES256' },
    ],
    [
      'that all sign rest until the first is due',
      observed([ed, es]),
      { do: 'keep', awaits: false, nextAt: now + 29 * day },
    ],
    [
      'sign nothing while a replica does not publish them, though no other key signs',
      observed([key('ed1', 'Next'), es], { published: new Set(['es1']) }),
      { do: 'keep', awaits: true, nextAt: now + 20 * 60 },
    ],
    [
      'are noted as published when every replica publishes them',
      observed([key('ed1', 'Next'), es]),
      { do: 'write', keys: [key('ed1', 'Next', { publishedAt: now }), es] },
    ],
    [
      'sign at once when they are published and no key signs',
      observed([key('ed1', 'Next', { publishedAt: now }), key('es1', 'Next', { publishedAt: now })]),
      {
        do: 'write',
        keys: [key('ed1', 'Signing', { publishedAt: now }), key('es1', 'Next', { publishedAt: now })],
      },
    ],
    [
      'sign at once beside one of another algorithm that readers have not known for longer',
      observed([key('ed1', 'Signing', { publishedAt: now }), key('es1', 'Next', { publishedAt: now })]),
      {
        do: 'write',
        keys: [key('ed1', 'Signing', { publishedAt: now }), key('es1', 'Signing', { publishedAt: now })],
      },
    ],
    [
      'of an algorithm without a key that signs wait for publishAhead where readers know another one already',
      observed([key('ed1', 'Next', { publishedAt: now }), es]),
      { do: 'keep', awaits: false, nextAt: now + 20 * 60 },
    ],
    [
      'get a next one when they are due, and sign on',
      observed([due, es]),
      { do: 'write', keys: [due, es], mint: 'Ed25519' },
    ],
    [
      'get no second next one',
      observed([due, es, key('ed2', 'Next', { publishedAt: now - 60 })]),
      { do: 'keep', awaits: false, nextAt: now + 19 * 60 },
    ],
    [
      'are not handed over before publishAhead is over',
      observed([due, es, key('ed2', 'Next', { publishedAt: now - 20 * 60 + 1 })]),
      { do: 'keep', awaits: false, nextAt: now + 1 },
    ],
    [
      'are not handed over while a replica has lost the next one',
      observed([due, es, key('ed2', 'Next', { publishedAt: now - day })], { published: new Set(['ed1', 'es1']) }),
      { do: 'keep', awaits: true, nextAt: now + 29 * day },
    ],
    [
      'are handed over when publishAhead is over, and the old one retires',
      observed([due, es, key('ed2', 'Next', { publishedAt: now - 20 * 60 })]),
      {
        do: 'write',
        keys: [
          key('ed1', 'Retiring', { createdAt: due.createdAt, until: now + issuerKeyRetiringSeconds }),
          es,
          key('ed2', 'Signing', { publishedAt: now - 20 * 60 }),
        ],
      },
    ],
    [
      'that retire stay as long as their tokens live',
      observed([ed, es, key('ed0', 'Retiring', { until: now + 1 })]),
      { do: 'keep', awaits: false, nextAt: now + 1 },
    ],
    [
      'that have retired are taken away',
      observed([ed, es, key('ed0', 'Retiring', { until: now })]),
      { do: 'write', keys: [ed, es] },
    ],
    [
      'are replaced on request, both, one after the other',
      observed([ed, es], { requestedAt: now }),
      { do: 'write', keys: [ed, es], mint: 'Ed25519' },
    ],
    [
      'wait for a request that is to come',
      observed([ed, es], { requestedAt: now + 60 }),
      { do: 'keep', awaits: false, nextAt: now + 60 },
    ],
    [
      'made after the request are left alone',
      observed([key('ed1', 'Signing', { createdAt: now - hour }), key('es1', 'Signing', { createdAt: now - hour })], {
        requestedAt: now - hour,
      }),
      { do: 'keep', awaits: false, nextAt: now - hour + 30 * day },
    ],
    [
      'of a request replace a next one that is older too: whoever got the one has the other',
      observed([ed, es, key('ed2', 'Next', { publishedAt: now - hour })], { requestedAt: now }),
      { do: 'write', keys: [ed, es], mint: 'Ed25519' },
    ],
  ])('%s', (_, before, plan) => {
    expect(planIssuerKeys(before, now)).toEqual(plan)
  })

  it('that 0.1.0 left are used on: nothing is minted at an upgrade', () => {
    let keys: readonly IssuerKey[] = []
    const files = observed([ed, es]).files
    for (let pass = 0; pass < 20; pass++) {
      const plan = planIssuerKeys(observed(keys, { files, published: new Set(['ed1', 'es1']) }), now)
      if (plan.do === 'keep') break
      expect(plan.mint).toBeUndefined()
      keys = plan.keys
    }
    expect(signingKids(keys)).toEqual({ Ed25519: 'ed1', ES256: 'es1' })
    expect(keys.map(({ createdAt }) => createdAt)).toEqual([now, now])
  })
})

describe('the algorithms that are chosen', () => {
  const rs = key('rs1', 'Signing', { publishedAt: now - hour })
  const retired = (kid: string) => key(kid, 'Retiring', { until: now + issuerKeyRetiringSeconds })

  it.each<[string, ObservedIssuerKeys, ReturnType<typeof planIssuerKeys>]>([
    [
      'get keys in their order, the preferred one first',
      observed([], { algorithms: ['RS256', 'Ed25519'] }),
      { do: 'write', keys: [], mint: 'RS256' },
    ],
    [
      'get a key beside those that sign',
      observed([ed, es], { algorithms: ['RS256', 'ES256'] }),
      { do: 'write', keys: [ed, es], mint: 'RS256' },
    ],
    [
      'leave the others to sign until the preferred one does',
      observed([ed, es, key('rs1', 'Next', { publishedAt: now - 20 * 60 + 1 })], { algorithms: ['RS256'] }),
      { do: 'keep', awaits: false, nextAt: now + 1 },
    ],
    [
      'sign when they were published for publishAhead',
      observed([ed, es, key('rs1', 'Next', { publishedAt: now - 20 * 60 })], { algorithms: ['RS256', 'ES256'] }),
      { do: 'write', keys: [ed, es, key('rs1', 'Signing', { publishedAt: now - 20 * 60 })] },
    ],
    [
      'end those of others when the preferred one signs: next ones go, and those that signed retire',
      observed([ed, es, key('ed2', 'Next'), rs, key('ed0', 'Retiring')], { algorithms: ['RS256', 'ES256'] }),
      { do: 'write', keys: [retired('ed1'), es, rs, key('ed0', 'Retiring')] },
    ],
    [
      'rest when others have retired',
      observed([retired('ed1'), es, rs], { algorithms: ['RS256', 'ES256'] }),
      { do: 'keep', awaits: false, nextAt: now + issuerKeyRetiringSeconds },
    ],
    ['may be one alone', observed([ed, es], { algorithms: ['ES256'] }), { do: 'write', keys: [retired('ed1'), es] }],
  ])('%s', (_, before, plan) => {
    expect(planIssuerKeys(before, now)).toEqual(plan)
  })
})

describe('what somebody did to the Secret', () => {
  it.each<[string, ObservedIssuerKeys, readonly IssuerKey[]]>([
    ['files that are no keys are taken away', observed([ed, es], { unreadable: true }), [ed, es]],
    ['a key without its file is forgotten', observed([ed, es], { files: observed([es]).files }), [es]],
    [
      'a key without its private half signs nothing, and is published until its tokens ended',
      observed([ed, es], { files: observed([ed, es]).files.map(file => ({ ...file, signs: file.kid !== 'ed1' })) }),
      [key('ed1', 'Retiring', { until: now + issuerKeyRetiringSeconds }), es],
    ],
    [
      'a next key without its private half is dropped',
      observed([ed, es, key('ed2', 'Next')], { files: observed([ed, es, key('ed2', 'Retiring')]).files }),
      [ed, es],
    ],
    [
      'of two keys that sign the first does',
      observed([ed, es, key('ed2', 'Signing')]),
      [ed, es, key('ed2', 'Retiring', { until: now + issuerKeyRetiringSeconds })],
    ],
    [
      'a key that was put there beside one that signs is published and signs nothing',
      observed([ed, es], { files: observed([ed, es, key('ed2', 'Next')]).files }),
      [ed, es, key('ed2', 'Retiring', { createdAt: now, until: now + issuerKeyRetiringSeconds })],
    ],
    [
      'of two keys whose record is lost one is the next and the other retires',
      observed([es], { files: observed([es, key('ed1', 'Next'), key('ed2', 'Next')]).files }),
      [
        es,
        key('ed1', 'Next', { createdAt: now }),
        key('ed2', 'Retiring', { createdAt: now, until: now + issuerKeyRetiringSeconds }),
      ],
    ],
  ])('%s', (_, before, keys) => {
    expect(planIssuerKeys(before, now)).toEqual({ do: 'write', keys })
  })
})

describe('a clock that was ahead (F09)', () => {
  it('made a key that is as old as now, so that a request counts for it', () => {
    const before = observed([key('ed1', 'Signing', { createdAt: now + hour }), es])
    expect(planIssuerKeys(before, now)).toEqual({ do: 'write', keys: [key('ed1', 'Signing', { createdAt: now }), es] })
  })
  it.each([
    ['shortens no wait', 300, { do: 'keep', awaits: false, nextAt: now + 300 + 20 * 60 }],
    ['holds nothing up for longer than a day', day + 1, { do: 'write', keys: [due, es, key('ed2', 'Next')] }],
  ])('%s', (_, ahead, plan) => {
    expect(planIssuerKeys(observed([due, es, key('ed2', 'Next', { publishedAt: now + ahead })]), now)).toEqual(plan)
  })
})

describe('keys.json', () => {
  it('is read as it was written', () => {
    const keys = [ed, key('ed2', 'Next', { publishedAt: now }), key('es0', 'Retiring')]
    expect(readIssuerKeys(writeIssuerKeys(keys))).toEqual(keys)
  })
  const [entry] = (JSON.parse(writeIssuerKeys([ed])) as { keys: object[] }).keys
  it.each([
    ['missing', undefined],
    ['no JSON', '{'],
    ['null', 'null'],
    ['without keys', '{}'],
    ['a list of something else', '{"keys":[1]}'],
    ['with a state of a later release', JSON.stringify({ keys: [{ ...entry, state: 'Paused' }] })],
    ['with another algorithm', JSON.stringify({ keys: [{ ...entry, algorithm: 'HS256' }] })],
    ['without a time', JSON.stringify({ keys: [{ ...entry, createdAt: 'soon' }] })],
    ['without a kid', JSON.stringify({ keys: [{ ...entry, kid: 1 }] })],
    ['retiring for ever', JSON.stringify({ keys: [{ ...entry, state: 'Retiring' }] })],
  ])('that is %s counts as none', (_, text) => {
    expect(readIssuerKeys(text)).toEqual([])
  })
})
