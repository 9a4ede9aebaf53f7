import { expect, it } from 'vitest'
import { createRowCache } from '../../../issuer/slices/row-cache.ts'
import { grant } from '../core/registry/objects.ts'

it('remembers what was made of a grant while it is there, and nothing of one that went while a slice was made of it', () => {
  const name = { namespace: 'shop', name: 'web' }
  const pin = { ...name, clientId: 'shop.web', namespaceUid: 'uid', state: 'Granted' as const }
  const given = grant('shop', 'give', { roleRef: { name: 'reader' }, clients: [name] }, [pin])
  const store = new Map([['shop/give', given]])
  const accepted = { key: 'shop/web', clientId: 'shop.web', namespaceUid: 'uid', accepted: true }
  const cache = createRowCache(
    { grants: { store }, by: {} } as never,
    new Map([['shop/web', accepted]]) as never,
    () => 0,
  )
  const made = cache.grantRow(given)
  expect(made).toBeDefined()
  expect(cache.grantRow(given)).toBe(made)
  cache.forgetGrant('shop/give')
  store.delete('shop/give')
  expect(cache.grantRow(given)).not.toBe(cache.grantRow(given))
})
