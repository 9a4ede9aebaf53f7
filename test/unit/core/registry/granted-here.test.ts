import { describe, expect, it } from 'vitest'
import type { AccessGrant } from '../../../../core/api/access-grant.ts'
import type { Role } from '../../../../core/api/role.ts'
import { grantedHere } from '../../../../core/registry/granted-here.ts'
import type { ResolvedClient } from '../../../../core/registry/resolve-clients.ts'
import type { ResolvedService } from '../../../../core/registry/resolve-services.ts'

const now = 1_800_000_000
const name = { namespace: 'partners', name: 'checkout' }
const client = {
  key: 'partners/checkout',
  client: { metadata: name },
  clientId: 'partners.checkout',
  namespaceUid: 'uid-partners',
  accepted: true,
  suspended: false,
} as unknown as ResolvedClient
const service = {
  published: true,
  service: { metadata: { namespace: 'shop', name: 'orders' } },
} as unknown as ResolvedService

const when = [{ scopeContains: { scope: 'orders:read' } }]
const role = (more: object = {}, rule: object = {}) =>
  ({
    metadata: { namespace: 'shop', name: 'reader', ...more },
    spec: { rules: [{ services: ['orders'], when, ...rule }] },
  }) as unknown as Role
const pin = { ...name, clientId: 'partners.checkout', namespaceUid: 'uid-partners', state: 'Granted' }
const grant = ({
  metadata = {},
  spec = {},
  pins = [pin],
}: {
  metadata?: object
  spec?: object
  pins?: object[]
} = {}) =>
  ({
    metadata: { namespace: 'shop', name: 'one', ...metadata },
    spec: { roleRef: { name: 'reader' }, clients: [name], ...spec },
    status: { clients: pins },
  }) as unknown as AccessGrant

function look({
  grants = [grant()],
  roles = [role()],
  of = service,
  by = client,
  key = {},
}: {
  grants?: AccessGrant[]
  roles?: Role[]
  of?: ResolvedService
  by?: ResolvedClient
  key?: { roles?: { namespace: string; name: string }[] }
}) {
  const found = new Map(roles.map(one => [`${one.metadata.namespace}/${one.metadata.name}`, one]))
  return grantedHere(of, { client: by, key }, { grants, role: key => found.get(key) }, now)
}

describe('what a client has at a service', () => {
  it('is the roles that grants give it there, each once and in order, with the scopes their rules look for', () => {
    const grants = [grant(), grant({ metadata: { name: 'two' } }), grant({ spec: { roleRef: { name: 'admin' } } })]
    const roles = [role(), role({ name: 'admin' }, { when: [{ scopeContains: { scope: 'orders:write' } }] })]
    expect(look({ grants, roles })).toEqual({
      roles: ['admin', 'reader'],
      scopes: new Set(['orders:read', 'orders:write']),
    })
  })

  const past = new Date((now - 1) * 1_000).toISOString()
  const future = new Date((now + 1) * 1_000).toISOString()
  const gone = { deletionTimestamp: past }
  it.each<[string, Parameters<typeof look>[0]]>([
    ['nothing is granted', { grants: [] }],
    ['the grant is of another namespace', { grants: [grant({ metadata: { namespace: 'other' } })] }],
    ['the grant is being deleted', { grants: [grant({ metadata: gone })] }],
    ['the grant has ended', { grants: [grant({ spec: { expiresAt: past } })] }],
    ['nobody can read when the grant ends', { grants: [grant({ spec: { expiresAt: 'soon' } })] }],
    ['the grant names it no more', { grants: [grant({ spec: { clients: [] } })] }],
    ['the grant has not pinned it', { grants: [grant({ pins: [] })] }],
    ['the pin is of another client id', { grants: [grant({ pins: [{ ...pin, clientId: 'sc_x' }] })] }],
    ['the pin is of a namespace of that name before', { grants: [grant({ pins: [{ ...pin, namespaceUid: 'old' }] })] }],
    ['the pin is another client by now', { grants: [grant({ pins: [{ ...pin, state: 'Replaced' }] })] }],
    ['there is no such role', { roles: [] }],
    ['the role is being deleted', { roles: [role(gone)] }],
    ['the role is for another service', { roles: [role({}, { services: ['billing'] })] }],
    ['its key is narrowed to other roles', { key: { roles: [{ namespace: 'shop', name: 'admin' }] } }],
    [
      'its key is narrowed to a role of that name elsewhere',
      { key: { roles: [{ namespace: 'other', name: 'reader' }] } },
    ],
    ['its key is narrowed to none', { key: { roles: [] } }],
    ['it is suspended', { by: { ...client, suspended: true } }],
    ['it is not accepted', { by: { ...client, accepted: false } }],
    ['the service is not published', { of: { ...service, published: false } }],
  ])('is nothing where %s', (_, about) => {
    expect(look(about)).toBeUndefined()
  })

  it('is there until the second in which the grant ends, and by a key that is narrowed to it', () => {
    expect(look({ grants: [grant({ spec: { expiresAt: future } })] })?.roles).toEqual(['reader'])
    expect(look({ key: { roles: [{ namespace: 'shop', name: 'reader' }] } })?.roles).toEqual(['reader'])
  })
})
