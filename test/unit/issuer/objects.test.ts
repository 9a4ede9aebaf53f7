import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createObjects, type Objects } from '../../../issuer/objects.ts'
import type { KubeClient, KubeObject } from '../../../platform/kube/client.ts'
import { roles } from '../../../platform/kube/resources.ts'
import { createFakeApi, createGate, relistMs } from '../cluster/fake-api.ts'
import { role } from '../core/registry/objects.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

/** An API server that has nothing and moves on: the list is of version 100, a bookmark of 200. */
const quietServer: Pick<KubeClient, 'list' | 'watch'> = {
  list: async () => ({ items: [], resourceVersion: '100' }),
  async *watch(_resource, { signal }) {
    yield { type: 'BOOKMARK', object: { metadata: { name: '', resourceVersion: '200' } } }
    await new Promise(resolve => signal.addEventListener('abort', resolve))
  },
}
let objects: Objects

beforeAll(async () => {
  objects = createObjects(quietServer, createQuietLog())
  await objects.start()
  await vi.waitFor(() => expect(new Set(Object.values(objects.progress()))).toEqual(new Set(['200'])))
})
afterAll(() => objects.stop())

it('bookmarks count for whether a replica is new enough, not for what guards are told', () => {
  expect(new Set(Object.values(objects.progress()))).toEqual(new Set(['200']))
  expect(new Set(Object.values(objects.content()))).toEqual(new Set(['100']))
})

it('what a guard has seen at another replica is told from then on, if it is included here', () => {
  objects.claim({ roles: '150', pods: '300', accesskeys: '50', services: 'x', strange: '1' })
  expect(objects.content()).toMatchObject({ roles: '150', pods: '100', accesskeys: '100', services: '100' })
  expect(objects.content()).not.toHaveProperty('strange')
})

it('only of what it has seen less of than a guard the API server is asked how far it is', async () => {
  const lists: string[] = []
  const asked = createObjects(
    {
      ...quietServer,
      async list({ plural }) {
        lists.push(plural)
        return { items: [], resourceVersion: '100' }
      },
    },
    createQuietLog(),
  )
  await asked.start()
  await vi.waitFor(() => expect(new Set(Object.values(asked.progress()))).toEqual(new Set(['200'])))
  lists.length = 0
  asked.catchUp({ roles: '201', pods: '200', accesskeys: '50', services: 'x', strange: '1' })
  await vi.waitFor(() => expect(lists).toEqual(['roles']))
  await asked.stop()
})

it('of what it is told by the token store that is asked, in the same way', async () => {
  const asked: string[] = []
  const feed = { name: 'tokenrecords', progress: () => '7', onTold: () => () => {}, onProgress: () => () => {} }
  const objects = createObjects(quietServer, {
    ...createQuietLog(),
    feed: { ...feed, askProgress: () => void asked.push(feed.name) },
  })
  objects.catchUp({ tokenrecords: '7' })
  expect(asked).toEqual([])
  objects.catchUp({ tokenrecords: '8' })
  expect(asked).toEqual(['tokenrecords'])
  await objects.stop()
})

it('a replica is there when the last list is, however long it fails or takes, and stops waiting when it has to', async () => {
  const api = createFakeApi()
  const clock = createManualClock()
  const { wait, open } = createGate()
  let asked = 0
  api.beforeList(roles, async () => {
    if (asked++ < 2) throw new Error('503')
    await wait()
  })
  const late = createObjects(api.client, { ...createQuietLog(), clock })
  const stopping = new AbortController()
  let there = false
  const left = expect(late.start(stopping.signal)).rejects.toThrow('enough')
  void late.start().then(() => (there = true))
  await clock.advance(60_000)
  stopping.abort(new Error('enough'))
  await left
  expect([asked, there]).toEqual([3, false])
  // What was listed is told; what was not has no version, not an old one.
  expect(late.content()).toMatchObject({ pods: '100' })
  expect(late.progress()).not.toHaveProperty('roles')
  open()
  await clock.advance(0)
  expect(there).toBe(true)
  expect(late.content()).toMatchObject({ roles: '100' })
  await late.stop()
})

it('what was deleted while the watch was away is included with the list that lacks it', async () => {
  const api = createFakeApi()
  const clock = createManualClock()
  api.put(roles, role('shop', 'reader', []) as KubeObject)
  const replica = createObjects(api.client, { ...createQuietLog(), clock })
  void replica.start()
  await clock.advance(0)
  expect(replica.content()).toMatchObject({ roles: '101' })
  api.lose(roles)
  api.remove(roles, 'shop/reader')
  api.restart(roles)
  await clock.advance(relistMs)
  expect(replica.roles.store.size).toBe(0)
  expect(replica.content()).toMatchObject({ roles: '102', pods: '101' })
  await replica.stop()
})
