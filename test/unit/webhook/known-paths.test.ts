import { describe, expect, it } from 'vitest'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { mutatingWebhooks } from '../../../platform/kube/resources.ts'
import { createKnownPaths } from '../../../webhook/admission/known-paths.ts'
import { createManualClock, settled } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const next = 'a'.repeat(32)
const other = 'b'.repeat(32)

/** Paths of a webhook whose configurations the test writes. */
function world() {
  const clock = createManualClock()
  let named: { validate?: string; mutate?: string } | 'away' = {}
  let reads = 0
  const client = {
    get: async <T extends KubeObject>(resource: Resource) => {
      reads++
      if (named === 'away') throw new Error('503')
      const path = resource === mutatingWebhooks ? named.mutate : named.validate
      const service = { name: 'latchkey-webhook', ...(path !== undefined && { path }) }
      return { metadata: { name: 'latchkey' }, webhooks: [{ clientConfig: { service } }] } as unknown as T
    },
  }
  const paths = createKnownPaths({ client, fullname: 'latchkey', clock, log: createQuietLog().log })
  return {
    paths,
    clock,
    reads: () => reads,
    name(value: typeof named) {
      named = value
    },
    /** What is asked at the path, when nothing hinders a look at the configurations. */
    async find(path: string) {
      const found = paths.find(path, 'api server')
      await clock.advance(2_500)
      return found
    },
  }
}

describe('the paths of the webhook', () => {
  it('S03 knows those with the random part of its Secret, and no other', async () => {
    const { paths, find, name } = world()
    name({ validate: `/validate/${next}`, mutate: `/mutate/${next}` })
    paths.setRandomPart(next)
    await paths.start()
    expect(await find(`/validate/${next}`)).toBe('validate')
    expect(await find(`/mutate/${next}`)).toBe('mutate')
    for (const path of ['/', '', '/validate', '/mutate', `/validate/${other}`, `/validate/${next}/`, `/${next}`])
      expect(await find(path), path).toBeUndefined()
  })

  it("takes the last release's paths, or none, for as long as the configurations name them, and a minute more", async () => {
    const { paths, find, name, clock } = world()
    name({ validate: '/validate', mutate: '/mutate' })
    paths.setRandomPart(next)
    await paths.start()
    expect([await find('/validate'), await find('/mutate')]).toEqual(['validate', 'mutate'])
    // Both name none: what the review is about tells which of them asks.
    name({})
    await clock.advance(15_000)
    expect(await find('/')).toBe('either')
    expect(await find('/validate')).toBe('validate')
    name({ validate: `/validate/${next}`, mutate: `/mutate/${next}` })
    await clock.advance(45_000)
    expect(await find('/')).toBe('either')
    await clock.advance(30_000)
    expect([await find('/'), await find('/validate'), await find('/mutate')]).toEqual([undefined, undefined, undefined])
  })

  it('takes the path that the configurations name while the Secret has the next one', async () => {
    const { paths, find, name } = world()
    name({ validate: `/validate/${next}`, mutate: `/mutate/${next}` })
    paths.setRandomPart(other)
    await paths.start()
    expect([await find(`/mutate/${next}`), await find(`/mutate/${other}`)]).toEqual(['mutate', 'mutate'])
  })

  it('looks at the configurations before it says that it does not know a path, however new that is', async () => {
    const { paths, name, clock } = world()
    name({ validate: `/validate/${next}`, mutate: `/mutate/${next}` })
    await paths.start()
    // As a rollback writes it, a moment after the last look.
    name({ validate: '/validate', mutate: '/mutate' })
    const found = paths.find('/validate', 'api server')
    await clock.advance(1_000)
    expect(await found).toBe('validate')
  })

  it('S06 looks once a second at most, whoever asks for how many paths', async () => {
    const { paths, clock, reads } = world()
    await paths.start()
    const before = reads()
    const asked = Array.from({ length: 1_000 }, (_, i) => paths.find(`/${i}`, 'stranger'))
    await clock.advance(1_500)
    expect(new Set(await Promise.all(asked))).toEqual(new Set([undefined]))
    expect(reads() - before).toBe(2)
    // Nor do more of them wait than there is place for: the last ones were told at once.
    const late = Array.from({ length: 200 }, (_, i) => paths.find(`/${i}`, 'stranger'))
    expect(await Promise.race([late.at(-1), new Promise(resolve => setImmediate(resolve, 'waits'))])).toBeUndefined()
    await clock.advance(2_500)
    await Promise.all(late)
  })

  it('S06 lets the API server wait for a look, however many strangers wait for it', async () => {
    const { paths, name, clock } = world()
    await paths.start()
    name({ validate: '/validate', mutate: '/mutate' })
    const asked = Array.from({ length: 400 }, (_, i) => paths.find(`/${i}`, `stranger ${i % 4}`))
    const found = paths.find('/validate', 'api server')
    asked.push(...Array.from({ length: 400 }, (_, i) => paths.find(`/${i}`, `stranger ${i % 4}`)))
    await clock.advance(2_500)
    expect(await found).toBe('validate')
    expect(new Set(await Promise.all(asked))).toEqual(new Set([undefined]))
  })

  it('S10 is not ready before it has read them, and forgets nothing while they cannot be read', async () => {
    const { paths, find, name, clock } = world()
    name('away')
    await paths.start()
    expect(paths.fault()).toBe('the webhook configurations were not read yet')
    name({ validate: '/validate', mutate: '/mutate' })
    await clock.advance(3_000)
    expect(paths.fault()).toBeUndefined()
    name('away')
    await clock.advance(600_000)
    expect(paths.fault()).toBeUndefined()
    expect(await find('/validate')).toBe('validate')
    paths.stop()
    await settled()
  })
})
