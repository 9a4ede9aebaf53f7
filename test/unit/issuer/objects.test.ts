import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createObjects, type Objects } from '../../../issuer/objects.ts'
import type { KubeClient } from '../../../platform/kube/client.ts'
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
