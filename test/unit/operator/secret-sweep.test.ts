import { expect, test } from 'vitest'
import type { AccessKey } from '../../../core/api/access-key.ts'
import { type SecretSlot, secretNameOf } from '../../../core/keys/secret-data.ts'
import { createSecretSweep } from '../../../operator/access-key/secret-sweep.ts'
import type { Clock } from '../../../platform/clock.ts'
import { createLog } from '../../../platform/log.ts'

const log = createLog({ process: 'test', destination: { write: () => {} } })
const keyOf = (name: string, spec: Partial<AccessKey['spec']> = {}, namespace = 'shop'): [string, AccessKey] => [
  `${namespace}/${name}`,
  { metadata: { namespace, name }, spec: { clientRef: { name: 'web' }, ...spec } },
]
const keysOf = (namespace: string, count: number) =>
  Array.from({ length: count }, (_, index) => keyOf(`k${index}`, {}, namespace))

/** A sweep whose time goes by when told, over Secrets by name. */
function sweepOver(keys: [string, AccessKey][], secrets: Map<string, string | Error>) {
  const waits: number[] = []
  const asked: string[] = []
  const changed: string[] = []
  let due: (() => void) | undefined
  const clock: Clock = {
    now: () => 0,
    wallMs: () => 0,
    after(ms, callback) {
      waits.push(ms)
      due = callback
      return () => {
        due = undefined
      }
    },
  }
  const sweep = createSecretSweep({
    client: {
      async getMetadata(_resource, namespace, name) {
        asked.push(`${namespace}/${name}`)
        const version = secrets.get(name)
        if (version instanceof Error) throw version
        return version === undefined ? undefined : { name, uid: 'u', resourceVersion: version }
      },
    },
    keys: () => keys,
    changed: key => void changed.push(key),
    clock,
    log,
  })
  /** What a pass over the key reads. */
  const reads = (name: string, slot: SecretSlot = 'mounted') => {
    const [, key] = keyOf(name)
    const version = secrets.get(secretNameOf(key, slot))
    sweep.read(key, slot, typeof version === 'string' ? { name, uid: 'u', resourceVersion: version } : undefined)
  }
  return {
    sweep,
    reads,
    waits,
    asked,
    changed,
    pending: () => due !== undefined,
    /** So many looks. */
    async pass(looks: number) {
      for (let look = 0; look < looks; look++) {
        const call = due
        if (call) call()
        else sweep.start()
        await new Promise(setImmediate)
      }
    },
  }
}

test('a Secret that is gone or another one than a pass has read is told until one reads it, and others are not', async () => {
  const secrets = new Map<string, string | Error>([
    ['a', '1'],
    ['b', '1'],
    ['c', '1'],
  ])
  const { pass, reads, changed } = sweepOver([keyOf('a'), keyOf('b'), keyOf('c')], secrets)
  for (const name of ['a', 'b', 'c']) reads(name)
  await pass(6)
  expect(changed).toEqual([])
  secrets.delete('a')
  secrets.set('b', '2')
  await pass(3)
  expect(changed.splice(0).toSorted()).toEqual(['shop/a', 'shop/b'])
  reads('b')
  await pass(3)
  expect(changed.splice(0)).toEqual(['shop/a'])
  // Refused to be minted anew: nothing else was read, and nothing is told again and again.
  reads('a')
  await pass(6)
  expect(changed).toEqual([])
  secrets.set('a', '3')
  await pass(3)
  expect(changed).toEqual(['shop/a'])
})

test('the Secret of a next key is looked at while the status publishes one, and told when it changes or is gone', async () => {
  const secrets = new Map([
    ['a', '1'],
    ['a-next', '1'],
  ])
  const [name, key] = keyOf('a')
  const publicKey = { kty: 'OKP', crv: 'Ed25519', x: 'x' } as const
  const pending = { kid: 'k', state: 'Pending', publicKey, notBefore: '2026-12-01T00:00:00Z' } as const
  const keys: [string, AccessKey][] = [[name, { ...key, status: { keys: [pending] } }]]
  const { pass, reads, changed, asked } = sweepOver(keys, secrets)
  reads('a')
  reads('a', 'staged')
  await pass(4)
  expect(changed).toEqual([])
  expect(new Set(asked)).toEqual(new Set(['shop/a', 'shop/a-next']))
  secrets.set('a-next', '2')
  await pass(2)
  expect(changed.splice(0)).toEqual(['shop/a'])
  reads('a', 'staged')
  secrets.delete('a-next')
  await pass(2)
  expect(changed.splice(0)).toEqual(['shop/a'])
  reads('a', 'staged')
  keys[0] = [name, key]
  await pass(2)
  asked.splice(0)
  await pass(4)
  expect([changed, new Set(asked)]).toEqual([[], new Set(['shop/a'])])
})

test('a Secret that is deleted before it was looked at once is told', async () => {
  const secrets = new Map([['a', '1']])
  const { pass, reads, changed } = sweepOver([keyOf('a')], secrets)
  await pass(1)
  reads('a')
  secrets.delete('a')
  await pass(1)
  expect(changed).toEqual(['shop/a'])
})

test('a Secret that no pass has looked at is no news', async () => {
  const { pass, changed } = sweepOver([keyOf('a')], new Map())
  await pass(3)
  expect(changed).toEqual([])
})

test('few are looked at every five seconds each, and of many no more than twenty in a second', async () => {
  const few = sweepOver([keyOf('a'), keyOf('b')], new Map())
  await few.pass(3)
  expect(few.waits).toEqual([2_500, 2_500, 2_500])
  const many = sweepOver(keysOf('shop', 1_000), new Map())
  await many.pass(1_000)
  expect(many.waits.every(ms => ms === 50)).toBe(true)
  expect(new Set(many.asked).size).toBe(1_000)
})

test('S06 a namespace with few keys is looked at every five seconds, however many others have', async () => {
  const keys = [...keysOf('greedy', 10_000), ...keysOf('busy', 300), keyOf('a', {}, 'few'), keyOf('b', {}, 'few')]
  const { pass, asked, waits } = sweepOver(keys, new Map())
  const all: string[] = []
  for (let round = 0; round < 8; round++) {
    await pass(100)
    const looks = asked.splice(0)
    expect(waits.splice(0).reduce((sum, ms) => sum + ms, 0)).toBe(5_000)
    expect(looks.filter(place => place.startsWith('few/')).toSorted()).toHaveLength(2)
    // Nor is a key looked at twice in a round, or the rest not at all.
    expect(new Set(looks).size).toBe(100)
    all.push(...looks)
  }
  const looksAt = (namespace: string) => all.filter(place => place.startsWith(`${namespace}/`)).length
  expect(looksAt('busy')).toBeGreaterThan(300)
  expect(looksAt('greedy')).toBeGreaterThan(300)
})

test('of more than a hundred namespaces all have their turn before one has its next', async () => {
  const keys = Array.from({ length: 250 }, (_, index) => keysOf(`n${index}`, 3)).flat()
  const { pass, asked } = sweepOver(keys, new Map())
  await pass(750)
  expect(new Set(asked).size).toBe(750)
  for (let turn = 0; turn < 3; turn++) {
    const namespaces = asked.slice(turn * 250, turn * 250 + 250).map(place => place.split('/')[0])
    expect(new Set(namespaces).size).toBe(250)
  }
})

test('a key that is new is looked at in the next round of its namespace', async () => {
  const keys = keysOf('greedy', 1_000)
  const { pass, asked } = sweepOver(keys, new Map())
  await pass(50)
  keys.push(keyOf('late', {}, 'few'))
  await pass(52)
  expect(asked).toContain('few/late')
})

test('the Secret of another name is asked for, and none of a key that brings its own', async () => {
  const publicKey = { kty: 'OKP' as const, crv: 'Ed25519' as const, x: 'x' }
  const { pass, asked } = sweepOver([keyOf('a', { secretName: 'other' }), keyOf('b', { publicKey })], new Map())
  await pass(3)
  expect(new Set(asked)).toEqual(new Set(['shop/other']))
})

test('a Secret that nobody tells of is no news, and the others are looked at', async () => {
  const secrets = new Map<string, string | Error>([
    ['a', new Error('forbidden')],
    ['b', '1'],
  ])
  const { pass, reads, changed, asked } = sweepOver([keyOf('a'), keyOf('b')], secrets)
  reads('b')
  await pass(4)
  expect([changed, asked.length]).toEqual([[], 4])
})

test('a stop ends it, also while an answer is under way', async () => {
  const { sweep, pass, pending } = sweepOver([keyOf('a')], new Map([['a', '1']]))
  await pass(1)
  expect(pending()).toBe(true)
  sweep.stop()
  expect(pending()).toBe(false)
  sweep.start()
  await new Promise(setImmediate)
  expect(pending()).toBe(false)
})
