import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { kubectl } from '../demo/install.ts'

describe('a settled cluster', () => {
  it('sees no write of ours: no object of the group changes while nobody changes anything', async () => {
    const versions = async () =>
      (
        JSON.parse(await kubectl(['get', 'latchkey', '-A', '-o', 'json'])) as {
          items: { metadata: { uid: string; resourceVersion: string } }[]
        }
      ).items
        .map(item => `${item.metadata.uid} ${item.metadata.resourceVersion}`)
        .sort()
    // What another file took down may still be going.
    const isLeaving = async () =>
      (await kubectl(['get', 'namespaces', '-o', 'jsonpath={.items[*].status.phase}'])).includes('Terminating')
    await expect
      .poll(
        async () => {
          if (await isLeaving()) return false
          const first = await versions()
          await setTimeout(3_000)
          return (await versions()).join() === first.join()
        },
        { timeout: 60_000 },
      )
      .toBe(true)
    const before = await versions()
    await setTimeout(20_000)
    expect(await versions()).toEqual(before)
  })
})
