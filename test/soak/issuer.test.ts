import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  askAll,
  type LimitedIssuer,
  openStrangers,
  phases,
  sayBehindTls,
  startLimitedIssuer,
} from '../integration/issuer/limited-issuer.ts'
import { addPod, addService, tokenOf } from '../integration/issuer/objects.ts'
import { addLargeRoles, openUnread } from '../integration/issuer/unread-streams.ts'
import { startWorld, type World } from '../integration/issuer/world.ts'

let world: World
let issuer: LimitedIssuer
let token: string

beforeAll(async () => {
  world = await startWorld()
  for (const name of ['shop', 'crowd']) await world.namespace(name)
  await addService(world, 'shop', 'orders')
  await addService(world, 'crowd', 'large')
  issuer = await startLimitedIssuer(world)
  token = await tokenOf(world, await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } }))
})
afterAll(async () => {
  await issuer?.stop()
  await world?.close()
})

const cases = Object.entries(phases).flatMap(([phase, { ports, begin }]) => ports.map(port => ({ phase, port, begin })))

describe('S02 10,000 connections of one address, then of 50: the process lives and answers', () => {
  it.each(cases)('$phase at port $port', async ({ port, begin }) => {
    for (const addresses of [1, 50]) {
      const strangers = await openStrangers(issuer.ports[port], { count: 10_000, addresses, begin })
      await askAll(issuer, world, token)
      expect(issuer.process.ended()).toBeUndefined()
      strangers.leave()
    }
  })
})

describe('S01 each phase ends', () => {
  const head = 'GET /nothing HTTP/1.1\r\nHost: a\r\n'
  it.each([
    ['a body that does not come', `POST /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n`],
    ['silence between requests', `${head}\r\n`],
    ['half a head after an answer', `${head}\r\n${head}`],
    ['more requests at once than may be', `${head}\r\n`.repeat(40)],
  ])('%s', async (_what, text) => {
    const strangers = await Promise.all(
      (['public', 'snapshots'] as const).map(port =>
        openStrangers(issuer.ports[port], { count: 1, addresses: 1, begin: sayBehindTls(() => text) }),
      ),
    )
    await expect.poll(() => strangers.map(({ closed }) => closed()), { timeout: 120_000 }).toEqual([1, 1])
  })
})

it('S04 200 guards that read nothing of a large policy: the process lives, others are served, each is dropped', async () => {
  await addLargeRoles(world, 'crowd', 'large', 20)
  const unread = await openUnread(world, issuer, { count: 200, namespace: 'crowd', service: 'large' })
  for (let round = 0; round < 10; round++) {
    await askAll(issuer, world, token)
    expect(issuer.process.ended()).toBeUndefined()
  }
  // A socket that nobody reads does not hear of its end: the issuer says how many it dropped.
  const dropped = async () => {
    const text = await (await fetch(`http://127.0.0.1:${issuer.ports.health}/metrics`)).text()
    return Number(/^latchkey_issuer_streams_stalled_total (\d+)$/m.exec(text)?.[1])
  }
  await expect.poll(dropped, { timeout: 150_000 }).toBe(200)
  unread.leave()
})
