import { expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import type { SecretObject } from '../../../../core/keys/secret-data.ts'
import { templateNames, withTemplate } from '../../../../core/keys/secret-template.ts'
import { type Store, settle } from './access-key-store.ts'
import { conditionOf, minted, staged } from './rotation-rig.ts'

const copied = 'replicator.v1.mittwald.de/replicate-to'
const full = { labels: { team: 'a', tier: 'b' }, annotations: { [copied]: 'other', note: 'x' } }
const ours = { 'app.kubernetes.io/managed-by': 'latchkey' }
const theirs = { labels: { theirs: 'l' }, annotations: { 'theirs/note': 'n' } }

function addTheirs(store: Store): void {
  const { metadata, ...secret } = store.secret as SecretObject
  const labels = { ...metadata.labels, ...theirs.labels }
  store.putSecret({
    ...secret,
    metadata: { ...metadata, labels, annotations: { ...metadata.annotations, ...theirs.annotations } },
  })
}
/** Without what says whose Secret it is. */
const annotationsOf = (secret: SecretObject | undefined) =>
  Object.fromEntries(
    Object.entries(secret?.metadata.annotations ?? {}).filter(([name]) => !name.startsWith('latchkey.dev/')),
  )

const edits: Record<string, { template: AccessKey['spec']['secretTemplate']; labels: object; annotations: object }> = {
  'the whole template': { template: undefined, labels: {}, annotations: {} },
  'an empty template in its place': { template: {}, labels: {}, annotations: {} },
  'the annotations': { template: { labels: full.labels }, labels: full.labels, annotations: {} },
  'one annotation': {
    template: { ...full, annotations: { note: 'x' } },
    labels: full.labels,
    annotations: { note: 'x' },
  },
  'a label, another one changed': {
    template: { ...full, labels: { team: 'c' } },
    labels: { team: 'c' },
    annotations: full.annotations,
  },
}

test.each(Object.entries(edits))(
  'what is taken out goes from the Secret, and what others put there stays: %s',
  async (_, edit) => {
    const store = await minted({ secretTemplate: full })
    addTheirs(store)
    await settle(store)
    store.edit({ secretTemplate: edit.template })
    await settle(store)
    expect(store.secret?.metadata.labels).toEqual({ ...ours, ...theirs.labels, ...edit.labels })
    expect(annotationsOf(store.secret)).toEqual({ ...theirs.annotations, ...edit.annotations })
    expect(conditionOf(store, 'Ready')?.reason).toBe('Ready')
    expect(await settle(store)).toEqual([])
  },
)

test('what the template puts back is there again, and what is ours was never away', async () => {
  const store = await minted({ secretTemplate: { labels: ours, annotations: { 'latchkey.dev/owner-uid': 'mine' } } })
  store.edit({ secretTemplate: undefined })
  await settle(store)
  expect(store.secret?.metadata.labels).toEqual(ours)
  expect(store.secret?.metadata.annotations).toMatchObject({ 'latchkey.dev/owner-uid': 'key-uid' })
  store.edit({ secretTemplate: full })
  await settle(store)
  expect(annotationsOf(store.secret)).toEqual(full.annotations)
})

test('a Secret that 0.1.0 wrote by a template remembers from the first look on', async () => {
  const store = await minted({ secretTemplate: full })
  const { [templateNames]: _, ...annotations } = store.secret?.metadata.annotations ?? {}
  const secret = store.secret as SecretObject
  store.putSecret({ ...secret, metadata: { ...secret.metadata, annotations } })
  expect(await settle(store)).toEqual(['update'])
  store.edit({ secretTemplate: undefined })
  await settle(store)
  expect(annotationsOf(store.secret)).toEqual({})
})

test('the Secret of the next key has the labels, which policies ask for, and nothing that has it copied', async () => {
  const store = await staged({ secretTemplate: full })
  expect(store.next?.metadata.labels).toEqual({ ...ours, ...full.labels })
  expect(annotationsOf(store.next)).toEqual({})
  expect(annotationsOf(store.secret)).toEqual(full.annotations)
})

test('a key that is handed over has what its own template says', async () => {
  const store = await staged({ secretTemplate: full })
  store.edit({ secretTemplate: { labels: { team: 'a' } } })
  store.now += 3_600
  await settle(store)
  expect(store.next).toBeUndefined()
  expect(store.secret?.metadata.labels).toEqual({ ...ours, team: 'a' })
  expect(annotationsOf(store.secret)).toEqual({})
})

test.each(['', 'x', 'null', '[]', '{"labels":"team"}', '{"labels":[1,null]}', '{"annotations":{"a":1}}'])(
  'what somebody else wrote into our list of names takes nothing away: %o',
  text => {
    const previous = { labels: { team: 'a' }, annotations: { note: 'x', [templateNames]: text } }
    expect(withTemplate({}, previous)).toEqual({ labels: { team: 'a' }, annotations: { note: 'x' } })
  },
)
