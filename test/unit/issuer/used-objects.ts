import type { AccessKey } from '../../../core/api/access-key.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { serviceRow } from '../../guard/policy-rows.ts'

export type Named = {
  readonly metadata: { namespace: string; name: string; uid?: string; generation?: number }
  readonly status?: { lastUsedAt?: string; clientId?: string; keys?: readonly { kid: string }[] }
}
type Change = { type: string; key: string; object: Named; old: Named | undefined }

/** A reflector that a test fills by hand. */
export function fakeReflector() {
  const store = new Map<string, Named>()
  const handlers: ((change: Change) => void)[] = []
  const tell = (type: string, key: string, object: Named, old: Named | undefined): void => {
    for (const handler of handlers) handler({ type, key, object, old })
  }
  return {
    store,
    onChange: (handler: (change: Change) => void) => void handlers.push(handler),
    put(object: Named): void {
      const key = `${object.metadata.namespace}/${object.metadata.name}`
      const old = store.get(key)
      store.set(key, object)
      tell(old ? 'updated' : 'added', key, object, old)
    },
    delete(key: string): void {
      const old = store.get(key) as Named
      store.delete(key)
      tell('deleted', key, old, old)
    },
  }
}

export const accessKey = (name: string, kids: readonly string[], clientId = 'sc_web'): Named => ({
  metadata: { namespace: 'callers', name, uid: `uid-${name}` },
  status: { clientId, keys: kids.map(kid => ({ kid })) as NonNullable<AccessKey['status']>['keys'] & object },
})

const key = (kid: string) => ({ kid, accessKey: 'web-key' }) as Extract<Row, { type: 'client' }>['keys'][number]
const permission = { action: 'read', resource: 'orders/{id}' }
const rows: Readonly<Record<string, Row>> = {
  service: serviceRow({
    routes: [{ name: 'order', path: '/orders/{id}', methods: ['GET'], variants: 'Refuse', permission }],
  }),
  'role/reader': { type: 'role', name: 'reader', rules: [{ index: 0 }, { index: 1 }] },
  'grant/give': { type: 'grant', name: 'give', role: 'reader', clients: ['sc_web'] },
  'client/sc_web': {
    type: 'client',
    clientId: 'sc_web',
    namespace: 'callers',
    name: 'web',
    issuer: '',
    createdAt: 0,
    suspended: false,
    keys: [key('kid-a'), key('kid-b')],
  },
}

/** The slice of shop/orders, which names one client; with these rows in place of its own. */
export function slice(others: readonly Row[] = []) {
  const changed = Object.fromEntries(
    others.map(row => [row.type === 'client' ? `client/${row.clientId}` : row.type, row]),
  )
  return { key: 'shop/orders', row: (name: string): Row | undefined => changed[name] ?? rows[name] }
}
