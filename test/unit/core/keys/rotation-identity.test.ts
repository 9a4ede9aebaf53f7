import { expect, test } from 'vitest'
import { clientOf, publishAheadSeconds, settle } from './access-key-store.ts'
import { kidOf, staged, states } from './rotation-rig.ts'

test.each([
  ['just minted', 0],
  ['published', publishAheadSeconds - 1],
  ['due', publishAheadSeconds],
])('a next key that is %s goes with the identity of its client, and is handed out to nobody', async (_what, wait) => {
  const store = await staged()
  const before = [kidOf(store.secret), kidOf(store.next)]
  store.now += wait
  store.client = clientOf({ identity: 2 }, { clientId: 'sc_second' })
  // What takes rights away is published first.
  expect(await settle(store)).toEqual(['status', 'update', 'status', 'delete next'])
  expect(states(store)).toEqual(['Active'])
  expect(before).not.toContain(kidOf(store.secret))
  expect(store.accessKey.status).toMatchObject({ clientId: 'sc_second', keyId: kidOf(store.secret) })
  store.now += 2 * publishAheadSeconds
  await settle(store)
  expect(before).not.toContain(kidOf(store.secret))
})
