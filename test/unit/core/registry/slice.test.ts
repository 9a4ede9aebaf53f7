import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AccessGrant, GrantedClient } from '../../../../core/api/access-grant.ts'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import type { Role } from '../../../../core/api/role.ts'
import { clientKeys, clientRow, clientSecrets, serviceAccountRows } from '../../../../core/registry/client-row.ts'
import type { PodObject } from '../../../../core/registry/kubernetes.ts'
import { resolveClients } from '../../../../core/registry/resolve-clients.ts'
import { resolveServices } from '../../../../core/registry/resolve-services.ts'
import { grantRow, makingSliceRows, type SliceObjects, sliceRows } from '../../../../core/registry/slice.ts'
import { type Row, rowKey } from '../../../../core/rows/rows.ts'
import { knownSecrets } from '../secret/secrets.ts'
import {
  accessKey,
  bornSeconds,
  client,
  grant,
  issuerUrl,
  keyPair,
  namespace,
  namespaces,
  published,
  role,
  service,
  target,
} from './objects.ts'

interface Given {
  clients?: ApiClient[]
  keys?: AccessKey[]
  roles?: Role[]
  grants?: AccessGrant[]
}

const spaces = namespaces(namespace('shop'), namespace('partners'))
const rule = { services: ['orders'], methods: ['GET' as const], paths: ['/**'] }
const reader = role('shop', 'reader', [rule])

function resolved(clients: ApiClient[]) {
  return resolveClients({ clients, namespaces: spaces, installation: 'default', issuerUrl, clientIds: new Map() })
}
const idOf = (one: ApiClient) => [...resolved([one]).values()][0]?.clientId ?? ''
const pin = (one: ApiClient, more: Partial<GrantedClient> = {}): GrantedClient => ({
  namespace: one.metadata.namespace ?? '',
  name: one.metadata.name,
  clientId: idOf(one),
  state: 'Granted',
  ...more,
})
const gives = (
  name: string,
  to: ApiClient,
  more: Partial<GrantedClient> = {},
  spec: Partial<AccessGrant['spec']> = {},
) =>
  grant(
    'shop',
    name,
    { roleRef: { name: 'reader' }, clients: [{ namespace: 'partners', name: to.metadata.name }], ...spec },
    [pin(to, more)],
  )

function objectsOf({ clients = [], keys = [], roles = [reader], grants = [] }: Given): SliceObjects {
  const all = resolved(clients)
  const services = resolveServices({
    services: [service('shop', 'orders')],
    targets: new Map([target('shop', 'orders')]),
    namespaces: spaces,
    documents: () => undefined,
    installation: 'default',
    issuerUrl,
    reservedAudiences: [],
  })
  const orders = services.get('shop/orders')
  if (!orders) throw new Error('no service')
  return {
    service: orders,
    roles,
    grants,
    grantRow: one => grantRow(one, all),
    clientRow: one =>
      clientRow(
        one,
        { namespace: 'shop', name: 'orders' },
        { keys: clientKeys(one, keys), secrets: clientSecrets(one, keys), serviceAccounts: [] },
      ),
  }
}
const slice = (given: Given): Row[] => sliceRows(objectsOf(given))
const keysOf = (given: Given) => slice(given).map(rowKey)
const checkout = client('partners', 'checkout')
const checkoutKey = `client/${idOf(checkout)}`

describe('a slice', () => {
  it('holds the service, its roles, its grants and the clients they name, and no one else', () => {
    const stranger = client('partners', 'stranger')
    expect(keysOf({ clients: [checkout, stranger], grants: [gives('reads', checkout)] })).toEqual([
      'service',
      'role/reader',
      'grant/reads',
      checkoutKey,
    ])
  })

  it('S07 is the same, in the same order, in steps of any size, and no step is of more rows than that', () => {
    const names = fc.uniqueArray(fc.nat({ max: 30 }), { maxLength: 12 })
    fc.assert(
      fc.property(fc.array(names, { maxLength: 6 }), fc.integer({ min: 1, max: 100 }), (meant, rowsInStep) => {
        const clients = Array.from({ length: 31 }, (_, at) => client('partners', `c${at}`))
        const grants = meant.map((numbers, at) => {
          const named = numbers.flatMap(number => clients[number] ?? [])
          const to = named.map(one => ({ namespace: 'partners', name: one.metadata.name }))
          return grant(
            'shop',
            `g${at}`,
            { roleRef: { name: 'reader' }, clients: to },
            named.map(one => pin(one)),
          )
        })
        const objects = objectsOf({ clients, grants })
        let made = 0
        let most = 0
        const steps = makingSliceRows(
          {
            ...objects,
            clientRow(one) {
              made++
              return objects.clientRow(one)
            },
          },
          rowsInStep,
        )
        let step = steps.next()
        for (; !step.done; step = steps.next()) {
          most = Math.max(most, made)
          made = 0
        }
        expect(step.value).toEqual(sliceRows(objects))
        expect(most).toBeLessThanOrEqual(rowsInStep)
      }),
    )
  })

  it('holds a client once that two grants name, and keeps when a grant ends and how often it gives', () => {
    const limit = { requests: 600, per: '1m30s' }
    const grants = [
      gives('a', checkout),
      gives('b', checkout, {}, { expiresAt: '2027-01-01T00:00:00Z', attributes: { tenant: 'x' }, limit }),
    ]
    const rows = slice({ clients: [checkout], grants })
    expect(rows.map(rowKey)).toEqual(['service', 'role/reader', 'grant/a', 'grant/b', checkoutKey])
    expect(rows[3]).toEqual({
      type: 'grant',
      name: 'b',
      role: 'reader',
      clients: [idOf(checkout)],
      attributes: { tenant: 'x' },
      expiresAt: 1798761600,
      limit: { requests: 600, perSeconds: 90 },
    })
  })

  it('holds only those rules of a role that name the service, each with its place', () => {
    const mixed = role('shop', 'reader', [{ ...rule, services: ['billing'] }, rule])
    const rows = slice({ roles: [mixed] })
    expect(rows.find(row => row.type === 'role')).toEqual({
      type: 'role',
      name: 'reader',
      rules: [{ index: 1, methods: ['GET'], paths: ['/**'] }],
    })
    expect(keysOf({ roles: [role('shop', 'reader', [{ ...rule, services: ['billing'] }])] })).toEqual(['service'])
  })

  it('takes nothing from roles and grants of another namespace (K05)', () => {
    const foreignRole = role('partners', 'reader', [rule])
    const foreignGrant = grant('partners', 'reads', { roleRef: { name: 'reader' }, clients: [] }, [pin(checkout)])
    expect(keysOf({ clients: [checkout], roles: [foreignRole], grants: [foreignGrant] })).toEqual(['service'])
    expect(keysOf({ clients: [checkout], grants: [foreignGrant] })).toEqual(['service', 'role/reader'])
  })

  it.each([
    ['another client id than the name means now (K06)', { clientId: 'sc_other' }, {}],
    ['no client id', { clientId: undefined }, {}],
    ['the uid of a namespace that was deleted and made anew (S11)', { namespaceUid: 'uid-before' }, {}],
    ['a state that is not Granted', { state: 'Replaced' as const }, {}],
    ['a name that the spec does not hold', {}, { clients: [{ namespace: 'partners', name: 'someone' }] }],
    ['an end that is no time', {}, { expiresAt: 'soon' }],
    ['a limit that nobody can read', {}, { limit: { requests: 1, per: 'day' } }],
    ['a limit within no time', {}, { limit: { requests: 1, per: '0s' } }],
    ['a limit of no call', {}, { limit: { requests: 0, per: '1m' } }],
    ['another role', {}, { roleRef: { name: 'writer' } }],
  ] as [string, Partial<GrantedClient>, Partial<AccessGrant['spec']>][])(
    'ignores a grant with %s',
    (_what, more, spec) => {
      expect(keysOf({ clients: [checkout], grants: [gives('reads', checkout, more, spec)] })).toEqual([
        'service',
        'role/reader',
      ])
    },
  )

  it('takes a pin of the namespace as it is, and one of a release before that says nothing of it (S11)', () => {
    const chosen = client('partners', 'chosen', { clientId: 'partners.chosen' })
    const wanted = ['service', 'role/reader', 'grant/reads', 'client/partners.chosen']
    for (const namespaceUid of ['uid-of-partners', undefined]) {
      const pinned = namespaceUid === undefined ? {} : { namespaceUid }
      expect(keysOf({ clients: [chosen], grants: [gives('reads', chosen, pinned)] })).toEqual(wanted)
    }
  })

  it('S11 gives nothing to a chosen client id that a namespace of another uid uses again', () => {
    const chosen = client('partners', 'chosen', { clientId: 'partners.chosen' })
    const grants = [gives('reads', chosen, { namespaceUid: 'uid-before' })]
    expect(keysOf({ clients: [chosen], grants })).toEqual(['service', 'role/reader'])
  })

  it('ignores what is being deleted', () => {
    const gone = { deletionTimestamp: '2026-11-22T11:00:00Z' }
    const dying = gives('reads', checkout)
    const given = { ...dying, metadata: { ...dying.metadata, ...gone } }
    expect(keysOf({ clients: [checkout], grants: [given] })).toEqual(['service', 'role/reader'])
    expect(keysOf({ roles: [role('shop', 'reader', [rule], gone)] })).toEqual(['service'])
  })

  it('ignores a grant for a client that is refused', () => {
    const refused = client('partners', 'checkout', { clientId: 'shop.checkout' })
    expect(keysOf({ clients: [refused], grants: [gives('reads', refused)] })).toEqual(['service', 'role/reader'])
  })
})

describe('the keys of a client', () => {
  const pair = keyPair()
  const spec = { clientRef: { name: 'checkout' } }
  const status = { clientId: idOf(checkout), keys: [published(pair)] }
  const kidsOf = (key: AccessKey) => {
    const rows = slice({ clients: [checkout], keys: [key], grants: [gives('reads', checkout)] })
    return rows.flatMap(row =>
      row.type === 'client' ? row.keys.map(({ kid, roles }) => (roles ? { kid, roles } : kid)) : [],
    )
  }

  it('are those of its own AccessKeys, narrowed to roles of the namespace of the service', () => {
    expect(kidsOf(accessKey('partners', 'key', spec, status))).toEqual([pair.kid])
    const roles = [
      { namespace: 'shop', name: 'reader' },
      { namespace: 'elsewhere', name: 'admin' },
    ]
    expect(kidsOf(accessKey('partners', 'key', { ...spec, roles }, status))).toEqual([
      { kid: pair.kid, roles: ['reader'] },
    ])
    const none = [{ namespace: 'elsewhere', name: 'admin' }]
    expect(kidsOf(accessKey('partners', 'key', { ...spec, roles: none }, status))).toEqual([
      { kid: pair.kid, roles: [] },
    ])
  })

  it.each([
    ['of another namespace', accessKey('shop', 'key', spec, status)],
    ['of another client', accessKey('partners', 'key', { clientRef: { name: 'other' } }, status)],
    [
      'made for another client id of that name (K06)',
      accessKey('partners', 'key', spec, { ...status, clientId: 'sc_x' }),
    ],
    [
      'that are being deleted',
      accessKey('partners', 'key', spec, status, { deletionTimestamp: '2026-11-22T11:00:00Z' }),
    ],
  ])('do not include those %s', (_what, key) => {
    expect(kidsOf(key)).toEqual([])
  })
})

describe('the service accounts of a client', () => {
  const [holder] = resolved([
    client('partners', 'checkout', { serviceAccounts: [{ name: 'worker' }, { name: 'gone' }] }),
  ]).values()
  const metadata = { namespace: 'partners', name: 'worker', uid: 'account' }
  const pod = (uid: string, phase: string, serviceAccountName = 'worker') => ({
    metadata: { namespace: 'partners', name: uid, uid },
    spec: { serviceAccountName },
    status: { phase },
  })

  const rows = (pods: PodObject[], now = bornSeconds, account: object = {}) => {
    const accounts = new Map([['partners/worker', { metadata: { ...metadata, ...account } }]])
    return holder && serviceAccountRows(holder, accounts, () => pods, now)
  }

  it('come with the uids of the pods that run as them now', () => {
    const pods = [
      pod('b', 'Running'),
      pod('a', 'Pending'),
      pod('c', 'Succeeded'),
      pod('d', 'Failed'),
      pod('e', 'Running', 'other'),
    ]
    expect(rows(pods)).toEqual([{ name: 'worker', uid: 'account', pods: ['a', 'b'] }])
  })

  it('go on for a pod that ends, and for a minute longer than its grace, as at the API server (K25)', () => {
    const a = pod('a', 'Running')
    const ending = { ...a, metadata: { ...a.metadata, deletionTimestamp: new Date(bornSeconds * 1_000).toISOString() } }
    const podsAt = (seconds: number) => rows([ending, pod('b', 'Running')], bornSeconds + seconds)?.[0]?.pods
    expect([-30, 0, 59].map(podsAt)).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ])
    expect([60, 61, 86_400].map(podsAt)).toEqual([['b'], ['b'], ['b']])
  })

  it('are none where the account is going', () => {
    const going = { deletionTimestamp: '2026-11-22T10:00:00Z' }
    expect(rows([pod('a', 'Running')], bornSeconds, going)).toEqual([])
  })
})

describe('the place of API keys', () => {
  const apiKey = { header: 'X-Api-Key', query: 'Api-Key' }
  const rowOf = (spec: object) => {
    const objects = objectsOf({})
    const resolved = { ...objects.service, service: service('shop', 'orders', spec) }
    const row = sliceRows({ ...objects, service: resolved })[0]
    return row?.type === 'service' ? row : undefined
  }

  it('is told where API keys are taken, the header as guards compare it', () => {
    expect(rowOf({ accepts: ['ApiKey'], apiKey })?.apiKey).toEqual({ header: 'x-api-key', query: 'Api-Key' })
    expect(rowOf({ accepts: ['ApiKey'], apiKey: { query: 'key' } })?.apiKey).toEqual({ query: 'key' })
  })

  it('is nowhere else', () => {
    expect(rowOf({ accepts: ['ApiKey'] })).not.toHaveProperty('apiKey')
    expect(rowOf({ accepts: ['ClientToken'], apiKey })).not.toHaveProperty('apiKey')
  })
})

describe('the secrets of a client', () => {
  const [{ keyId, hash }] = knownSecrets
  const secretFor = (...services: string[]) =>
    accessKey(
      'partners',
      'old-caller',
      {
        clientRef: { name: 'checkout' },
        type: 'StaticSecret',
        services: services.map(name => ({ namespace: 'shop', name })),
        roles: [
          { namespace: 'shop', name: 'reader' },
          { namespace: 'other', name: 'reader' },
        ],
      },
      {
        clientId: idOf(checkout),
        keys: [{ kid: keyId, secretHash: hash, state: 'Active', notBefore: '2026-11-22T10:00:00Z' }],
      },
    )
  const rowOf = (...keys: AccessKey[]) =>
    slice({ clients: [checkout], keys, grants: [gives('reads', checkout)] }).find(row => row.type === 'client')

  it('are told to the services that their AccessKey names, narrowed to the roles there', () => {
    expect(rowOf(secretFor('billing', 'orders'))).toMatchObject({
      keys: [],
      secrets: [{ kid: keyId, kind: 'StaticSecret', hash, roles: ['reader'] }],
    })
  })

  it('are told to no other service', () => {
    expect(rowOf(secretFor('billing'))).not.toHaveProperty('secrets')
  })

  it('are those of the client that the AccessKey was made for', () => {
    const made = secretFor('orders')
    expect(rowOf({ ...made, status: { ...made.status, clientId: 'sc_before' } })).not.toHaveProperty('secrets')
  })
})
