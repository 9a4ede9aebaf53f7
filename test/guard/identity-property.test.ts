import fc from 'fast-check'
import { expect, it } from 'vitest'
import { revocationId } from '../../core/credential/revocation.ts'
import { verifyToken } from '../../core/credential/verify.ts'
import { sliceHash } from '../../core/rows/hash.ts'
import type { ClientRow, GrantRow, RouteRow, Row, ServiceRow } from '../../core/rows/rows.ts'
import { createDecisionPoint } from '../../enforce/authorize.ts'
import { identityLines } from '../../enforce/forward-head.ts'
import { createIdentityCache } from '../../enforce/identity-cache.ts'
import { createPolicy, type Policy } from '../../enforce/policy/policy.ts'
import { createSlice } from '../../enforce/policy/slice.ts'
import { accessToken, createIssuerKey, issuerKey, ordersIssuer } from './access-token-rows.ts'
import { account, clusterRow, podToken } from './pod-rows.ts'
import { alice, bob, grant, issuer, nowSeconds, reader, serviceRow } from './policy-rows.ts'
import { createSteppedClock } from './rig.ts'

/** All that the slice is made of, as the issuer would: a client is in it while a grant names it. */
interface World {
  readonly service: Partial<ServiceRow>
  readonly alice: Partial<ClientRow> | undefined
  readonly grant: Partial<GrantRow> | undefined
  readonly cluster: boolean
}

const began = nowSeconds()
const routes: RouteRow[] = [
  { name: 'learning', path: '/learning/**', methods: ['GET'], variants: 'Refuse', mode: 'Audit' },
  { name: 'rest', path: '/api/**', methods: ['GET'], variants: 'Refuse' },
]
const takingTokens = (keys: readonly (typeof issuerKey)[], unknownSince?: number): Partial<ServiceRow> => ({
  accepts: ['ClientToken', 'ServiceAccountToken', 'AccessToken'],
  accessTokens: { issuer, keys: keys.map(({ row }) => row), ...(unknownSince !== undefined && { unknownSince }) },
})
const initial: World = {
  service: { routes, ...takingTokens([issuerKey]) },
  alice: { serviceAccounts: [account] },
  grant: {},
  cluster: true,
}

function rowsIn({ service, alice: change, grant: given, cluster }: World): Row[] {
  return [
    serviceRow(service),
    reader,
    ...(given && change
      ? [
          { ...grant, ...given },
          { ...alice.row, ...change },
        ]
      : []),
    { ...grant, name: 'bob-calls', clients: [bob.clientId] },
    bob.row,
    ...(cluster ? [clusterRow] : []),
  ]
}

type Step = (world: World) => World
const ofAlice =
  (change: Partial<ClientRow>): Step =>
  world => ({ ...world, alice: { ...world.alice, ...change } })
const ofService =
  (change: Partial<ServiceRow>): Step =>
  world => ({ ...world, service: { ...world.service, ...change } })

const steps: Readonly<Record<string, Step>> = {
  revoke: ofAlice({ keys: [{ ...alice.key, revoked: true }] }),
  'end the key at once': ofAlice({ keys: [{ ...alice.key, notAfter: began - 5 }] }),
  'end the key soon': ofAlice({ keys: [{ ...alice.key, notAfter: began + 40 }] }),
  'give the key more time': ofAlice({ keys: [{ ...alice.key, notAfter: began + 3_600 }] }),
  'narrow the key': ofAlice({ keys: [{ ...alice.key, roles: [] }] }),
  'delete the key': ofAlice({ keys: [] }),
  'give the key back': ofAlice({ keys: [alice.key] }),
  suspend: ofAlice({ suspended: true }),
  resume: ofAlice({ suspended: false }),
  'make anew': ofAlice({ createdAt: began + 3_600 }),
  'make as it was': ofAlice({ createdAt: alice.row.createdAt }),
  'delete the client': world => ({ ...world, alice: undefined }),
  'end the pod': ofAlice({ serviceAccounts: [{ ...account, pods: [] }] }),
  'start the pod': ofAlice({ serviceAccounts: [account] }),
  'remove the grant': world => ({ ...world, grant: undefined }),
  'end the grant': world => ({ ...world, grant: { expiresAt: began - 5 } }),
  'end the grant soon': world => ({ ...world, grant: { expiresAt: began + 40 } }),
  'give the grant back': world => ({ ...world, grant: {} }),
  'lose the cluster’s keys': world => ({ ...world, cluster: false }),
  'find the cluster’s keys': world => ({ ...world, cluster: true }),
  'move the audience': ofService({ audience: 'https://new.shop.svc' }),
  'move it back': ofService({ audience: serviceRow().audience }),
  'take pods only': ofService({ accepts: ['ServiceAccountToken'] }),
  'take both': ofService({ accepts: ['ClientToken', 'ServiceAccountToken'] }),
  'take access tokens too': ofService(takingTokens([issuerKey])),
  'change the issuer’s key': ofService(takingTokens([createIssuerKey()])),
  'lose sight of revocations': ofService(takingTokens([issuerKey], began - 86_380)),
  'revoke an access token': ofAlice({ accessTokens: { revoked: [revocationId(ordersIssuer, 'revoked')] } }),
  'revoke all access tokens': ofAlice({ accessTokens: { revokedUpTo: began + 60 } }),
  'let revocations end': ofAlice({ accessTokens: {} }),
  audit: ofService({ mode: 'Audit' }),
  enforce: ofService({ mode: 'Enforce' }),
}
const tokens = [
  alice.token(),
  alice.token({ exp: began + 20 }),
  alice.token({ nbf: began + 45 }),
  alice.token({ jti: '' }),
  bob.token(),
  podToken(),
  podToken({ exp: began + 20 }),
  accessToken({ jti: 'revoked' }),
  accessToken({ exp: began + 20 }),
  accessToken({ key_id: 'gone' }),
  'a.b.c',
]
const paths = ['/open/x', '/api/x', '/api/../x', '/learning/x', '/nowhere', '/API/x']

/** A guard's own way from a head to a decision, with what it has kept. */
function createWay(policy: Policy, now: () => number) {
  const cache = createIdentityCache(() => ({ entries: 4, characters: 100_000 }))
  return createDecisionPoint({ policy, cache, now })
}

const anyStep = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...Object.keys(steps)) },
  { weight: 1, arbitrary: fc.constantFrom(5, 30, 60, 90_000) },
)
const anyCalls = fc.array(fc.tuple(fc.constantFrom(...tokens), fc.constantFrom(...paths)), { maxLength: 6 })

it('S11 an app is told of a caller if, and only if, its token would be proved anew at that moment, whatever came before', () => {
  const named = { yes: 0, no: 0 }
  fc.assert(
    fc.property(fc.array(fc.tuple(anyStep, anyCalls), { minLength: 1, maxLength: 10 }), story => {
      const clock = createSteppedClock()
      const policy = createPolicy(clock)
      const slice = createSlice(policy)
      const now = (): number => Math.floor(clock.wallMs() / 1_000)
      const kept = createWay(policy, now)
      let world = initial
      for (const [step, calls] of [['give the grant back', []] as [string, []], ...story]) {
        if (typeof step === 'number') clock.step(step * 1_000)
        else {
          world = steps[step]?.(world) ?? world
          const rows = rowsIn(world)
          slice.take({ full: { rows }, seen: { apiclients: String(clock.now()) }, hash: sliceHash(rows) })
        }
        for (const [token, target] of calls) {
          const head = { method: 'GET', target, authorization: `Bearer ${token}`, names: [], values: [] }
          const verdict = kept.authorize(head)
          const { decision, pass } = verdict
          // A guard that has just started decides the same.
          expect(decision).toEqual(createWay(policy, now).authorize(head).decision)
          const isNamed = identityLines(decision) !== ''
          expect(isNamed).toBe(countsNow(token, policy, now()))
          if (pass) named[isNamed ? 'yes' : 'no']++
        }
      }
    }),
    { numRuns: 200 },
  )
  expect(Math.min(named.yes, named.no)).toBeGreaterThan(50)
})

/** Said apart from the guard's own code: a fresh proof, a grant in force, a policy that may be relied on. */
function countsNow(token: string, policy: Policy, now: number): boolean {
  const snapshot = policy.snapshot()
  if (!snapshot || policy.unfit()) return false
  const proved = verifyToken(token, snapshot, now)
  if (typeof proved === 'string') return false
  const rows = [...snapshot.grantsByClient.parts].flatMap(part => part?.get(proved.clientId)?.grants ?? [])
  return rows.some(({ expiresAt }) => expiresAt === undefined || now < expiresAt)
}
