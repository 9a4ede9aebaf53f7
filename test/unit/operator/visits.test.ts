import { describe, expect, it } from 'vitest'
import type { AccessKey } from '../../../core/api/access-key.ts'
import type { SecretObject } from '../../../core/keys/secret-data.ts'
import { createVisits, type Visit } from '../../../operator/access-key/visits.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import type { Requeue } from '../../../platform/kube/work-queue.ts'

const key = 'shop/web'
const at = (resourceVersion: string): AccessKey & KubeObject => ({
  metadata: { name: 'web', namespace: 'shop', resourceVersion },
  spec: { clientRef: { name: 'web' } },
})
const secret = { metadata: { name: 'web', namespace: 'shop', resourceVersion: '2' } } as SecretObject & KubeObject

function setUp() {
  const missed: string[] = []
  const visits = createVisits(one => missed.push(one))
  const reads: string[] = []
  /** Begins as a pass does: with an answer, or by reading this version. */
  function begin(version: string): Visit {
    const visit = visits.of(key)
    if (!visit) throw new Error('no visit is under way')
    if (!visit.take()) {
      reads.push(version)
      visit.read(at(version))
    }
    return visit
  }
  /** A visit whose passes are these, in their order; those that follow write nothing. */
  function visit(...passes: ((visit: Visit) => Requeue)[]): Promise<Requeue> {
    return visits.visit(key, async () => {
      const one = begin('1')
      return passes.shift()?.(one)
    })
  }
  return { visits, visit, missed, reads }
}

describe('a visit', () => {
  it('reads once, however many writes follow each other, and comes back as its last pass says', async () => {
    const { visit, reads } = setUp()
    const known: unknown[] = []
    const requeue = await visit(
      one => {
        one.secrets.set('web', secret)
        one.wrote()
        return { requeueAfterMs: 0 }
      },
      one => {
        known.push(one.secrets.get('web'))
        one.wrote(at('3'))
      },
      one => {
        known.push(one.take(), one.secrets.get('web'))
        return { requeueAfterMs: 600_000 }
      },
    )
    expect([requeue, reads, known]).toEqual([{ requeueAfterMs: 600_000 }, ['1'], [secret, undefined, secret]])
  })

  it('ends with a pass that writes nothing, and knows nothing the next time', async () => {
    const { visits, visit, reads } = setUp()
    await visit(one => void one.secrets.set('web', secret))
    expect(visits.of(key)).toBeUndefined()
    await visit(one => expect(one.secrets.has('web')).toBe(false) as undefined)
    expect(reads).toEqual(['1', '1'])
  })

  it('reads again when somebody else changed the AccessKey meanwhile, and forgets the Secrets that it knew', async () => {
    const { visits, visit, missed, reads } = setUp()
    await visit(
      one => {
        one.secrets.set('web', secret)
        one.wrote(at('2'))
        visits.covers(key, '3')
      },
      one => expect(one.secrets.has('web')).toBe(false) as undefined,
    )
    expect([reads, missed]).toEqual([['1', '1'], [key]])
  })

  it('is no news when the watch tells of its own writes, before it has ended or later', async () => {
    const { visits, visit, missed } = setUp()
    await visit(
      one => {
        visits.covers(key, '2')
        one.wrote(at('2'))
      },
      one => one.wrote(at('3')) as undefined,
    )
    expect([missed, visits.awaits(key)]).toEqual([[], true])
    expect([visits.covers(key, '3'), visits.awaits(key), visits.covers(key, '3')]).toEqual([true, false, false])
  })

  it('leaves to the next one what somebody else wrote, before it has ended or later', async () => {
    const { visits, visit, missed } = setUp()
    await visit(one => {
      one.wrote(at('2'))
      visits.covers(key, '4')
    })
    expect(missed).toEqual([key])
    expect(visits.covers(key, '5')).toBe(false)
  })

  it('leaves all that came meanwhile to the next one when it fails, its own writes too', async () => {
    const { visits, visit, missed } = setUp()
    const failing = visit(
      one => {
        one.wrote(at('2'))
        visits.covers(key, '2')
      },
      () => {
        throw new Error('503')
      },
    )
    await expect(failing).rejects.toThrow('503')
    expect([missed, visits.covers(key, '2')]).toEqual([[key], false])
  })

  it('gives its place to others after eight passes, and its last writes are news', async () => {
    const { visits, missed } = setUp()
    let count = 0
    await visits.visit(key, async () => {
      visits.of(key)?.wrote(at(String(++count)))
      visits.covers(key, String(count))
    })
    expect([count, missed]).toEqual([8, [key]])
  })

  it('of an AccessKey that is gone leaves nothing behind', async () => {
    const { visits, visit } = setUp()
    await visit(one => one.wrote(at('2')) as undefined)
    visits.forget(key)
    expect(visits.covers(key, '2')).toBe(false)
  })
})
