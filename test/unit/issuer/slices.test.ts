import { expect, test } from 'vitest'
import { createResolved } from '../../../cluster/resolved.ts'
import { createObjects } from '../../../issuer/objects.ts'
import { createSlices } from '../../../issuer/snapshots/slices.ts'
import type { KubeClient, KubeObject, Resource } from '../../../platform/kube/client.ts'
import { createLog } from '../../../platform/log.ts'

const names = ['a', 'b', 'c']
const metadata = (name: string, resourceVersion: string) => ({
  name,
  namespace: 'shop',
  uid: `uid-${name}`,
  resourceVersion,
  generation: Number(resourceVersion),
})
const role = (version: string, path: string): KubeObject => ({
  metadata: metadata('reader', version),
  ...{ spec: { rules: [{ services: names, methods: ['GET'], paths: [path] }] } },
})

/** A clock that each look moves on, so that one slice uses up a turn. */
const hasty = (stepMs: number) => {
  let now = 0
  return { now: () => (now += stepMs), wallMs: () => now, after: () => () => {} }
}

async function start(stepMs: number) {
  const listed: Record<string, object[]> = {
    namespaces: [{ metadata: { name: 'shop', uid: 'uid-shop', resourceVersion: '1' } }],
    services: names.map(name => ({ metadata: metadata(name, '1'), spec: { ports: [{ port: 80 }] } })),
    guardedservices: names.map(name => ({
      metadata: metadata(name, '1'),
      spec: { targetRef: { name, port: 80 } },
      status: { conditions: [{ type: 'Accepted', status: 'True', reason: 'Accepted', message: '' }] },
    })),
    roles: [role('1', '/old')],
  }
  const told = Promise.withResolvers<KubeObject>()
  const client = {
    list: async ({ plural }: Resource) => ({ items: listed[plural] ?? [], resourceVersion: '1' }),
    async *watch({ plural }: Resource, { signal }: { signal: AbortSignal }) {
      if (plural === 'roles') yield { type: 'MODIFIED', object: await told.promise }
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    },
  } as unknown as KubeClient
  const log = createLog({ process: 'test', level: 'fatal' })
  const objects = createObjects(client, { log })
  const rules = { installation: 'default', issuerUrl: 'https://i.test', clientIds: new Map(), reservedAudiences: [] }
  const documents = { get: () => undefined, onChange: () => () => {}, seenOf: () => ({}) }
  const resolved = createResolved(objects, rules, documents, 'follows')
  const clock = hasty(stepMs)
  const slices = createSlices({ objects, resolved, documents, cluster: () => undefined, log, clock } as never)
  await objects.start()
  slices.start()
  const changed = Promise.withResolvers<void>()
  objects.roles.onChange(({ object }) => {
    if (object.metadata.resourceVersion === '2') changed.resolve()
  })
  return {
    slices,
    /** Takes a path away, which is urgent, and waits until it was seen. */
    async narrow() {
      told.resolve(role('2', '/new'))
      await changed.promise
    },
  }
}

const stateOf = (slices: Awaited<ReturnType<typeof start>>['slices']) =>
  [...slices.all()].map(slice => [
    JSON.stringify(slice.row('role/reader')).includes('/new'),
    (JSON.parse(slice.heartbeat()) as { seen: Record<string, string> }).seen.roles,
  ])

test('S07 one change of many slices is carried out in turns, and who waits does not say to have seen it', async () => {
  const { slices, narrow } = await start(4)
  await narrow()
  const states: unknown[][][] = []
  for (let turn = 0; turn < 8; turn++) {
    await new Promise(resolve => setImmediate(resolve))
    states.push(stateOf(slices))
  }
  for (const state of states.flat()) expect(state[1]).toBe(state[0] ? '2' : '1')
  expect(states.some(state => state.some(([isNew]) => isNew) && state.some(([isNew]) => !isNew))).toBe(true)
  expect(states.at(-1)?.every(([isNew]) => isNew)).toBe(true)
})

test('who asks for all of it gets all of it', async () => {
  const { slices, narrow } = await start(4)
  await narrow()
  slices.flush()
  expect(stateOf(slices)).toEqual(names.map(() => [true, '2']))
})
