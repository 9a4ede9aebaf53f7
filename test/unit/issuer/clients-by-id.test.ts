import { afterEach, beforeEach, expect, it } from 'vitest'
import { createResolved, type Resolved } from '../../../cluster/resolved.ts'
import { createObjects, type Objects } from '../../../issuer/objects.ts'
import { createClientsById } from '../../../issuer/publish/clients-by-id.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { apiClients, namespaces } from '../../../platform/kube/resources.ts'
import { createFakeApi, type FakeApi, noDocuments, relistMs, rules } from '../cluster/fake-api.ts'
import { client, namespace } from '../core/registry/objects.ts'
import { createManualClock, type ManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

let api: FakeApi
let clock: ManualClock
let objects: Objects
let resolved: Resolved
let byId: ReturnType<typeof createClientsById>

beforeEach(async () => {
  api = createFakeApi()
  clock = createManualClock()
  objects = createObjects(api.client, { ...createQuietLog(), clock })
  resolved = createResolved(objects, rules, noDocuments, 'follows')
  byId = createClientsById(resolved)
  api.put(namespaces, namespace('shop') as KubeObject)
  void objects.start()
  await clock.advance(0)
})
afterEach(() => objects.stop())

const put = (name: string, clientId: string, born: string) =>
  api.put(apiClients, client('shop', name, { clientId }, { creationTimestamp: born }) as KubeObject)
async function holderOf(clientId: string): Promise<string | undefined> {
  await clock.advance(0)
  resolved.settle()
  return byId(clientId)?.key
}

it('finds an accepted client, and nobody under an id that is refused or gone', async () => {
  put('web', 'shop.web', '2026-01-01T00:00:00Z')
  put('thief', 'desk.app', '2026-01-01T00:00:00Z')
  expect(await holderOf('shop.web')).toBe('shop/web')
  expect(await holderOf('desk.app')).toBeUndefined()
  expect(byId('')).toBeUndefined()
  api.remove(apiClients, 'shop/web')
  expect(await holderOf('shop.web')).toBeUndefined()
})

it('gives a client as suspended, and not at all once it is gone, before anybody settled that', async () => {
  put('web', 'shop.web', '2026-01-01T00:00:00Z')
  expect(await holderOf('shop.web')).toBe('shop/web')
  api.put(apiClients, client('shop', 'web', { clientId: 'shop.web', suspended: true }) as KubeObject)
  await clock.advance(0)
  expect(byId('shop.web')?.suspended).toBe(true)
  api.remove(apiClients, 'shop/web')
  await clock.advance(0)
  expect(byId('shop.web')).toBeUndefined()
})

it('looks at the client that is asked for, and leaves all others to whoever settles them', async () => {
  for (const name of ['web', 'app']) put(name, `shop.${name}`, '2026-01-01T00:00:00Z')
  await holderOf('shop.web')
  for (const name of ['web', 'app']) {
    api.put(apiClients, client('shop', name, { clientId: `shop.${name}`, suspended: true }) as KubeObject)
  }
  await clock.advance(0)
  expect(byId('shop.web')?.suspended).toBe(true)
  const known = () => resolved.known.clients.get('shop/app')?.suspended
  expect(known()).toBe(false)
  resolved.settle()
  expect(known()).toBe(true)
})

it('an older client that wants the same id has it once it is settled, also when the younger one was looked at meanwhile', async () => {
  put('web', 'shop.web', '2026-01-02T00:00:00Z')
  await holderOf('shop.web')
  put('elder', 'shop.web', '2026-01-01T00:00:00Z')
  api.put(
    apiClients,
    client(
      'shop',
      'web',
      { clientId: 'shop.web', suspended: true },
      { creationTimestamp: '2026-01-02T00:00:00Z' },
    ) as KubeObject,
  )
  await clock.advance(0)
  expect(byId('shop.web')?.suspended).toBe(true)
  expect(await holderOf('shop.web')).toBe('shop/elder')
  expect(resolved.known.clients.get('shop/web')?.accepted).toBe(false)
})

it('shows nobody’s keys under the id of somebody else, before it is settled who has it', async () => {
  put('web', 'shop.web', '2026-01-02T00:00:00Z')
  expect(await holderOf('shop.web')).toBe('shop/web')
  put('elder', 'shop.web', '2026-01-01T00:00:00Z')
  await clock.advance(0)
  // Asked for by others, as a slice does in between.
  expect(resolved.clients().get('shop/web')?.accepted).toBe(false)
  expect(byId('shop.web')).toBeUndefined()
  expect(await holderOf('shop.web')).toBe('shop/elder')
})

it.each([
  ['the holder’s name comes first', 'a', 'b'],
  ['the next one’s name comes first', 'b', 'a'],
])('an id that passes to another client is found at that one, also when %s', async (_, holder, heir) => {
  put(heir, 'shop.web', '2026-01-02T00:00:00Z')
  put(holder, 'shop.web', '2026-01-01T00:00:00Z')
  expect(await holderOf('shop.web')).toBe(`shop/${holder}`)
  api.remove(apiClients, `shop/${holder}`)
  expect(await holderOf('shop.web')).toBe(`shop/${heir}`)
  put(holder, 'shop.web', '2026-01-01T00:00:00Z')
  expect(await holderOf('shop.web')).toBe(`shop/${holder}`)
})

it('two clients that swapped their ids while the watch was away are found as they are', async () => {
  put('a', 'shop.one', '2026-01-01T00:00:00Z')
  put('b', 'shop.two', '2026-01-01T00:00:00Z')
  expect(await holderOf('shop.one')).toBe('shop/a')
  api.lose(apiClients)
  for (const name of ['a', 'b']) api.remove(apiClients, `shop/${name}`)
  put('a', 'shop.two', '2026-01-01T00:00:00Z')
  put('b', 'shop.one', '2026-01-01T00:00:00Z')
  api.restart(apiClients)
  await clock.advance(relistMs)
  expect(await holderOf('shop.one')).toBe('shop/b')
  expect(await holderOf('shop.two')).toBe('shop/a')
})

it('gives the client as it is now, though nobody was told of its status', async () => {
  put('web', 'shop.web', '2026-01-01T00:00:00Z')
  await holderOf('shop.web')
  const web = client('shop', 'web', { clientId: 'shop.web' }, { uid: byId('shop.web')?.client.metadata.uid ?? '' })
  api.put(apiClients, { ...web, ...{ status: { state: 'Active' } } } as KubeObject)
  await clock.advance(0)
  resolved.settle()
  expect(byId('shop.web')?.client.status).toEqual({ state: 'Active' })
})
