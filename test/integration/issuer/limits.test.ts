import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  askAll,
  type LimitedIssuer,
  openStrangers,
  phases,
  sayBehindTls,
  startLimitedIssuer,
} from './limited-issuer.ts'
import { addPod, addService, tokenOf } from './objects.ts'
import { addLargeRoles, openUnread } from './unread-streams.ts'
import { startWorld, type World } from './world.ts'

let world: World
let issuer: LimitedIssuer
let token: string

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await addService(world, 'shop', 'orders')
  issuer = await startLimitedIssuer(world)
  token = await tokenOf(world, await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } }))
})
afterAll(async () => {
  await issuer?.stop()
  await world?.close()
})

const cases = Object.entries(phases).flatMap(([phase, { ports, begin }]) => ports.map(port => ({ phase, port, begin })))

it('S01 every port closes what stops in its handshake or its head', async () => {
  const strangers = await Promise.all(
    cases.map(({ port, begin }) => openStrangers(issuer.ports[port], { count: 1, addresses: 1, begin })),
  )
  await expect.poll(() => strangers.map(({ closed }) => closed()), { timeout: 20_000 }).toEqual(cases.map(() => 1))
  const limits = await issuer.limits()
  for (const server of ['public', 'snapshots']) {
    expect(limits).toContain(`server="${server}",limit="handshake_timeout"`)
    expect(limits).toContain(`server="${server}",limit="head_timeout"`)
  }
  expect(limits).toContain('server="health",limit="head_timeout"')
})

describe('S02 the process lives and answers while others hold connections', () => {
  it.each(cases)('$phase at port $port', async ({ port, begin }) => {
    for (const addresses of [1, 50]) {
      const strangers = await openStrangers(issuer.ports[port], { count: 600, addresses, begin })
      await askAll(issuer, world, token)
      expect(issuer.process.ended()).toBeUndefined()
      await expect.poll(() => strangers.closed()).toBeGreaterThan(0)
      strangers.leave()
    }
    expect(await issuer.limits()).toContain(`server="${port}"`)
  })
})

it('S06 a true hello is answered while 200 made-up tokens of one address wait', async () => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as object
  let made = 0
  const madeUp = () => `${encode({ alg: 'RS256', kid: 'a' })}.${encode({ ...claims, made: made++ })}.${encode({})}`
  const fields = () => `Host: a\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer ${madeUp()}\r\n\r\n`
  const begin = sayBehindTls(() => `POST /v1/snapshots HTTP/1.1\r\n${fields()}`)
  const strangers = await openStrangers(issuer.ports.snapshots, { count: 200, addresses: 1, begin })
  await askAll(issuer, world, token)
  strangers.leave()
})

it('S04 guards that read nothing of a large policy cost others nothing', async () => {
  await world.namespace('crowd')
  await addService(world, 'crowd', 'large')
  await addLargeRoles(world, 'crowd', 'large', 4)
  const unread = await openUnread(world, issuer, { count: 40, namespace: 'crowd', service: 'large' })
  for (let round = 0; round < 3; round++) await askAll(issuer, world, token)
  expect(issuer.process.ended()).toBeUndefined()
  unread.leave()
})
