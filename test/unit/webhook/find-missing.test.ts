import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { roles } from '../../../platform/kube/resources.ts'
import { createFindMissing } from '../../../webhook/admission/find-missing.ts'

const references = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ field: 'f', resource: roles, namespace: 'n', name: `r${i}` }))

/** Finds names that end in an even digit; what ends in 9 cannot be read, and what ends in 8 takes for ever. */
async function get<T extends KubeObject>(_: unknown, __: unknown, name: string): Promise<T | undefined> {
  if (name.endsWith('9')) throw new Error('forbidden')
  if (name.endsWith('8')) return new Promise(() => {})
  return Number(name.at(-1)) % 2 === 0 ? ({ metadata: { name } } as T) : undefined
}

describe('looking for what a spec names', () => {
  it('tells what is not there; what cannot be read or takes too long is no warning', async () => {
    const missing = createFindMissing({ get })(references(12))
    // Timers fire in their order, however late: this one after the one that ends the waiting.
    const found = await Promise.race([missing, setTimeout(900, [])])
    expect(found.map(({ name }) => name)).toEqual(['r1', 'r3', 'r5', 'r7', 'r11'])
  })

  it('K15 asks for 16 names of one spec and 64 at a time, whoever sends reviews', async () => {
    let asked = 0
    const findMissing = createFindMissing({
      get: () => {
        asked++
        return new Promise(() => {})
      },
    })
    await findMissing(references(100))
    expect(asked).toBe(16)
    await Promise.all(Array.from({ length: 10 }, () => findMissing(references(16))))
    expect(asked).toBe(64)
  })
})
