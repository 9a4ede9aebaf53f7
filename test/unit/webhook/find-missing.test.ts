import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { roles, services } from '../../../platform/kube/resources.ts'
import { createFindMissing } from '../../../webhook/admission/checks/find-missing.ts'

const references = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ field: 'f', resource: roles, namespace: 'n', name: `r${i}` }))
const user = { username: 'dev', groups: ['devs'] }
const may = async <T>() => ({ status: { allowed: true } }) as T

/** Finds names that end in an even digit; what ends in 9 cannot be read, and what ends in 8 takes for ever. */
async function get<T extends KubeObject>(_: unknown, __: unknown, name: string): Promise<T | undefined> {
  if (name.endsWith('9')) throw new Error('forbidden')
  if (name.endsWith('8')) return new Promise(() => {})
  return Number(name.at(-1)) % 2 === 0 ? ({ metadata: { name } } as T) : undefined
}

describe('looking for what a spec names', () => {
  it('tells what is not there; what cannot be read or takes too long is no warning', async () => {
    const missing = createFindMissing({ get, raw: may })(references(12), user)
    // Timers fire in their order, however late: this one after the one that ends the waiting.
    const found = await Promise.race([missing, setTimeout(900, [])])
    expect(found.map(({ reference }) => reference.name)).toEqual(['r1', 'r3', 'r5', 'r7', 'r11'])
  })

  it('K15 asks for 16 names of one spec and 64 at a time, whoever sends reviews', async () => {
    let asked = 0
    const findMissing = createFindMissing({
      raw: may,
      get: () => {
        asked++
        return new Promise(() => {})
      },
    })
    await findMissing(references(100), user)
    expect(asked).toBe(16)
    await Promise.all(Array.from({ length: 10 }, () => findMissing(references(16), user)))
    expect(asked).toBe(64)
  })

  it('K15 does not look for what the author may not get: there or not, it counts as missing', async () => {
    let asked = 0
    const questions: unknown[] = []
    const findMissing = createFindMissing({
      get: async () => {
        asked++
        return undefined
      },
      raw: async <T>(_: string, __: string, body?: unknown) => {
        questions.push((body as { spec: object }).spec)
        return { status: { allowed: false } } as T
      },
    })
    const [reference] = references(1)
    if (!reference) throw new Error('no reference')
    expect(await findMissing([reference], { ...user, uid: 'u', extra: { a: ['b'] } })).toEqual([
      { reference, what: 'object' },
    ])
    expect(questions).toEqual([
      {
        ...{ user: 'dev', groups: ['devs'], uid: 'u', extra: { a: ['b'] } },
        resourceAttributes: { group: 'latchkey.dev', resource: 'roles', verb: 'get', namespace: 'n', name: 'r0' },
      },
    ])
    // Who says nothing of the author is no API server.
    expect(await findMissing([reference], undefined)).toEqual([{ reference, what: 'object' }])
    expect(asked).toBe(0)
  })

  it('tells a Service that is not there from one without the port', async () => {
    const service = { metadata: { name: 'web' }, spec: { ports: [{ name: 'http', port: 80 }] } }
    const found = async <T extends KubeObject>(_: unknown, __: unknown, name: string) =>
      name === 'web' ? (service as unknown as T) : undefined
    const at = (name: string, port: number | string) => ({ field: 'f', resource: services, namespace: 'n', name, port })
    const asked = [at('web', 80), at('web', 'http'), at('web', 81), at('web', 'htpp'), at('wbe', 80)]
    expect(await createFindMissing({ get: found, raw: may })(asked, user)).toEqual([
      { reference: asked[2], what: 'port', ports: ['80 (http)'] },
      { reference: asked[3], what: 'port', ports: ['80 (http)'] },
      { reference: asked[4], what: 'object' },
    ])
  })

  it('says nothing when the API server cannot be asked what the author may get', async () => {
    const refuse = async () => {
      throw new Error('503')
    }
    expect(await createFindMissing({ get, raw: refuse })(references(3), user)).toEqual([])
  })
})
