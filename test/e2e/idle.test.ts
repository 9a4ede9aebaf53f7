import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { isUseAlone } from '../../operator/usage/is-use-alone.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import { kubectl } from '../demo/install.ts'

describe('a settled cluster', () => {
  it('sees no write of ours but of when something was used: no object of the group changes while nobody changes anything', async () => {
    const found = async () => (JSON.parse(await kubectl(['get', 'latchkey', '-A', '-o', 'json'])) as Found).items
    // What another file took down may still be going.
    const isLeaving = async () =>
      (await kubectl(['get', 'namespaces', '-o', 'jsonpath={.items[*].status.phase}'])).includes('Terminating')
    await expect
      .poll(
        async () => {
          if (await isLeaving()) return false
          const first = await found()
          await setTimeout(3_000)
          return versions(await found()).join() === versions(first).join()
        },
        { timeout: 60_000 },
      )
      .toBe(true)
    const before = await found()
    await setTimeout(20_000)
    const after = await found()
    // A call of the test before is told in a status up to a minute later.
    const old = new Map(before.map(object => [object.metadata.uid, object]))
    const used = after.filter(object => isUseAlone(old.get(object.metadata.uid), object))
    const others = (objects: Found['items']) =>
      versions(objects.filter(({ metadata }) => used.every(one => one.metadata.uid !== metadata.uid)))
    expect(others(after)).toEqual(others(before))
  })
})

interface Found {
  items: (KubeObject & { status?: { lastUsedAt?: string } })[]
}

function versions(objects: Found['items']): string[] {
  return objects
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name} ${metadata.resourceVersion}`)
    .sort()
}
