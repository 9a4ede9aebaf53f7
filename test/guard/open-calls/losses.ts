import type { DenyReason } from '../../../core/base/reasons.ts'
import type { RoleRow, RouteRow, Row } from '../../../core/rows/rows.ts'
import { account, clusterRow, podRows, podToken } from '../pod-rows.ts'
import { alice, bob, createCaller, grant, nowSeconds, reader, rowsOf, serviceRow } from '../policy-rows.ts'
import type { Rig } from '../rig.ts'

/** How a caller loses the right to what it has open below /api. */
export interface Loss {
  readonly name: string
  readonly reason: DenyReason
  /** What the guard has before, and the token that the call is made with. */
  readonly rows: () => Row[]
  readonly token: () => string
  lose(rig: Rig): void
}

type Change = NonNullable<Parameters<typeof rowsOf>[0]>

const loss = (
  name: string,
  reason: DenyReason,
  after: () => Row[],
  { rows = () => rowsOf(), token = () => alice.token() }: Partial<Pick<Loss, 'rows' | 'token'>> = {},
): Loss => ({ name, reason, rows, token, lose: rig => rig.apply(after()) })
const changed = (name: string, reason: DenyReason, change: () => Change): Loss =>
  loss(name, reason, () => rowsOf(change()))

const withoutGrant = (): Row[] => rowsOf().filter(({ type }) => type !== 'grant')
const elsewhere: RouteRow = { name: 'elsewhere', path: '/elsewhere', methods: ['GET'], variants: 'Refuse' }
const revoked = { ...alice.key, revoked: true as const }
const withRole = (role: RoleRow): Row[] => rowsOf().map(row => (row.type === 'role' ? role : row))

/** A rule that holds for callers of one organization. */
const ofAcme: RoleRow = {
  ...reader,
  rules: [
    { index: 0, methods: ['GET', 'POST'], paths: ['/{org}/**'], when: [{ organizationEquals: { param: 'org' } }] },
  ],
}
const inOrganization = (organization: string): Row[] => [
  serviceRow(),
  ofAcme,
  grant,
  { ...alice.row, organization },
  bob.row,
]
const pod = { rows: () => podRows(), token: () => podToken() }
/** Longer than a test takes to have its call open. */
const soonSeconds = 2

export const revocation: Loss = changed('its key is revoked', 'key_revoked', () => ({ alice: { keys: [revoked] } }))

export const losses: readonly Loss[] = [
  revocation,
  changed('its key has ended', 'key_expired', () => ({ alice: { keys: [{ ...alice.key, notAfter: nowSeconds() }] } })),
  changed('its key ends while nothing else happens', 'key_expired', () => ({
    alice: { keys: [{ ...alice.key, notAfter: nowSeconds() + soonSeconds }] },
  })),
  changed('its AccessKey is deleted', 'invalid_token', () => ({ alice: { keys: [] } })),
  changed('its key is narrowed to other roles', 'not_granted', () => ({
    alice: { keys: [{ ...alice.key, roles: ['other'] }] },
  })),
  changed('its keys from before a moment are void', 'token_predates_key', () => ({
    alice: { keys: [{ ...alice.key, notBefore: nowSeconds() + 3_600 }] },
  })),
  changed('its client is suspended', 'client_suspended', () => ({ alice: { suspended: true } })),
  loss('its client gets another identity', 'invalid_token', () => {
    const other = createCaller('alice', 'sc_anew')
    return [serviceRow(), reader, { ...grant, clients: [other.clientId] }, other.row, bob.row]
  }),
  loss('its client is deleted', 'invalid_token', () =>
    rowsOf().filter(row => row.type !== 'grant' && !(row.type === 'client' && row.clientId === alice.clientId)),
  ),
  loss('its organization is another one', 'not_granted', () => inOrganization('other'), {
    rows: () => inOrganization('api'),
  }),
  loss('its grant is deleted', 'not_granted', withoutGrant),
  changed('its grant has ended', 'grant_expired', () => ({ grant: { expiresAt: nowSeconds() } })),
  changed('its grant ends while nothing else happens', 'grant_expired', () => ({
    grant: { expiresAt: nowSeconds() + soonSeconds },
  })),
  loss('its role allows less', 'not_granted', () =>
    withRole({ ...reader, rules: [{ index: 0, methods: ['GET', 'POST'], paths: ['/other'] }] }),
  ),
  loss('its role is deleted', 'not_granted', () => rowsOf().filter(({ type }) => type !== 'role')),
  changed('the service has no such route any more', 'route_unknown', () => ({ service: { routes: [elsewhere] } })),
  changed('the service has another audience', 'wrong_audience', () => ({ service: { audience: 'https://new.test' } })),
  changed('the service takes no such credential any more', 'credential_unsupported', () => ({
    service: { accepts: ['ServiceAccountToken'] },
  })),
  loss('this guard cannot read the service any more', 'policy_unsupported', () =>
    rowsOf({ service: { later: true } as never }),
  ),
  loss('its pod is gone', 'pod_unknown', () => podRows([]), pod),
  loss('its service account is another client’s', 'pod_unknown', () => [...rowsOf(), clusterRow], pod),
  {
    ...loss('the policy is older than maxStaleness', 'policy_stale', withoutGrant),
    lose: rig => rig.clock.step(86_401_000),
  },
  loss('audit mode ends, which had let it through', 'not_granted', withoutGrant, {
    rows: () => [serviceRow({ mode: 'Audit' }), ...withoutGrant().slice(1)],
  }),
  loss('the audit mode of its route ends', 'not_granted', withoutGrant, {
    rows: () => [
      serviceRow({
        routes: [{ name: 'api', path: '/api/**', methods: ['GET', 'POST'], variants: 'Refuse', mode: 'Audit' }],
      }),
      ...withoutGrant().slice(1),
    ],
  }),
  loss('its path is public no more', 'not_granted', withoutGrant, {
    rows: () => [serviceRow({ public: [{ path: '/api/**', methods: ['GET', 'POST'] }] }), ...withoutGrant().slice(1)],
  }),
  loss('its path is public no more, and it proved nobody', 'invalid_token', () => rowsOf(), {
    rows: () => rowsOf({ service: { public: [{ path: '/api/**', methods: ['GET', 'POST'] }] } }),
    token: () => 'a.b.c',
  }),
]

/** What takes nothing away, one after the other; `byTime`: nothing would tell the guard but the next second. */
export const keeps: readonly { readonly name: string; readonly byTime?: true; happen(rig: Rig): void }[] = [
  { name: 'its token ends', byTime: true, happen: rig => rig.clock.step(600_000) },
  {
    name: 'another client’s key is revoked',
    happen: rig =>
      rig.apply(rowsOf().map(row => (row === bob.row ? { ...bob.row, keys: [{ ...bob.key, revoked: true }] } : row))),
  },
  {
    name: 'its key retires, with days to go',
    happen: rig => rig.apply(rowsOf({ alice: { keys: [{ ...alice.key, notAfter: nowSeconds() + 86_400 }] } })),
  },
  {
    name: 'another grant takes the place of its own',
    happen: rig => rig.apply(rowsOf({ grant: { name: 'another' } })),
  },
  {
    name: 'audit mode begins, and its grant is deleted',
    happen: rig => rig.apply([serviceRow({ mode: 'Audit' }), ...withoutGrant().slice(1)]),
  },
  {
    name: 'its key is revoked in audit mode',
    happen: rig => rig.apply(rowsOf({ service: { mode: 'Audit' }, alice: { keys: [revoked] } })),
  },
  { name: 'all is as it was', happen: rig => rig.apply(rowsOf()) },
  {
    name: 'its pods change',
    happen: rig => rig.apply(rowsOf({ alice: { serviceAccounts: [{ ...account, pods: ['one-more'] }] } })),
  },
  {
    name: 'the policy is older than maxStaleness in audit mode',
    byTime: true,
    happen(rig) {
      rig.apply(rowsOf({ service: { mode: 'Audit' } }))
      rig.clock.step(86_401_000)
    },
  },
]

/** Longer than from such a change to what it would close. */
export const waitFor = (change: (typeof keeps)[number]): Promise<void> =>
  new Promise(resolve => setTimeout(resolve, change.byTime ? 1_100 : 30))
