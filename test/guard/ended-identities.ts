import type { RouteRow, Row } from '../../core/rows/rows.ts'
import { account, clusterRow, podRows, podToken } from './pod-rows.ts'
import { alice, nowSeconds, rowsOf, type serviceRow } from './policy-rows.ts'

/** Where a call passes whoever makes it: the path, and the rows it is decided from. */
export interface Opening {
  readonly name: string
  readonly path: string
  readonly service: NonNullable<Parameters<typeof serviceRow>[0]>
}

const routes: RouteRow[] = [
  { name: 'learning', path: '/api/learning', methods: ['GET'], variants: 'Refuse', mode: 'Audit' },
]
export const openings: readonly Opening[] = [
  { name: 'a public path', path: '/open/x', service: {} },
  { name: 'a service in audit mode', path: '/api/x', service: { mode: 'Audit' } },
  { name: 'a path in audit mode that nobody is granted', path: '/nowhere', service: { mode: 'Audit' } },
  { name: 'a route in audit mode', path: '/api/learning', service: { routes } },
  { name: 'a public path of a service in audit mode', path: '/open/x', service: { mode: 'Audit' } },
]

/** How an identity ends. */
export interface End {
  readonly name: string
  readonly rows: (service: Opening['service']) => Row[]
  /** A token from before the end, and another one by the same credential from after it. */
  readonly token: () => string
  /** Seconds that pass before it is over. */
  readonly wait?: number
}

type Change = NonNullable<Parameters<typeof rowsOf>[0]>
const changed =
  (change: Omit<Change, 'service'> & { service?: Opening['service'] }) =>
  (service: Opening['service']): Row[] =>
    rowsOf({ ...change, service: { ...service, ...change.service } })
const client = (): string => alice.token()
const pod = (): string => podToken()
const revoked = { ...alice.key, revoked: true as const }

export const ends: readonly End[] = [
  { name: 'its token has ended', rows: changed({}), token: () => alice.token({ exp: nowSeconds() + 30 }), wait: 70 },
  { name: 'its key is revoked', rows: changed({ alice: { keys: [revoked] } }), token: client },
  {
    name: 'its key has ended',
    rows: changed({ alice: { keys: [{ ...alice.key, notAfter: nowSeconds() - 5 }] } }),
    token: client,
  },
  { name: 'its AccessKey is deleted', rows: changed({ alice: { keys: [] } }), token: client },
  { name: 'its client is suspended', rows: changed({ alice: { suspended: true } }), token: client },
  // Its row leaves the slice with its last grant, as with itself.
  {
    name: 'its grant is taken away, or its client deleted',
    rows: service => rowsOf({ service }).filter(row => row.type !== 'client' && row.type !== 'grant'),
    token: client,
  },
  { name: 'its grant has ended', rows: changed({ grant: { expiresAt: nowSeconds() - 5 } }), token: client },
  { name: 'its client was made anew', rows: changed({ alice: { createdAt: nowSeconds() + 3_600 } }), token: client },
  { name: 'its issuer moved', rows: changed({ alice: { issuer: 'https://elsewhere.test' } }), token: client },
  { name: 'the audience moved', rows: changed({ service: { audience: 'https://new.shop.svc' } }), token: client },
  {
    name: 'its kind is not taken any more',
    rows: changed({ service: { accepts: ['ServiceAccountToken'] } }),
    token: client,
  },
  {
    name: 'this guard cannot read its client any more',
    rows: service => rowsOf({ service, alice: { later: true } as never }),
    token: client,
  },
  { name: 'its pod is gone', rows: service => podRows([], { service }), token: pod },
  {
    name: 'its service account was made anew',
    rows: service => [...rowsOf({ service, alice: { serviceAccounts: [{ ...account, uid: 'anew' }] } }), clusterRow],
    token: pod,
  },
  {
    name: 'its service account is not the client’s any more',
    rows: service => [...rowsOf({ service }), clusterRow],
    token: pod,
  },
  {
    name: 'the cluster’s key is gone',
    rows: service => [...podRows(account.pods, { service }).filter(row => row.type !== 'cluster')],
    token: pod,
  },
]

/** Rows under which both of Alice's credentials count. */
export const living = (service: Opening['service']): Row[] => [
  ...rowsOf({ service, alice: { serviceAccounts: [account] } }),
  clusterRow,
]
