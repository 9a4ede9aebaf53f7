import { setTimeout } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addresses, hold } from '../../attacks/hold-connections.ts'
import {
  type LimitedAuthorizer,
  secretOf,
  sendUnfinished,
  startLimitedAuthorizer,
} from '../../attacks/limited-authorizer.ts'

let authorizer: LimitedAuthorizer
const ends: (() => void)[] = []
beforeAll(async () => {
  authorizer = await startLimitedAuthorizer()
})
afterEach(() => {
  for (const end of ends.splice(0)) end()
})
afterAll(async () => {
  await authorizer?.stop()
})

/** The good proxy beside the attack is answered every time, in each form, and the process lives. */
async function goodProxy(times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    expect(await authorizer.check()).toEqual({ http: 200, grpc: 'okResponse' })
    expect(authorizer.process.ended()).toBeUndefined()
    await setTimeout(200)
  }
}

describe('the authorizer within its chart’s limit of memory', () => {
  it.each([
    ['a peer that was never proved, over one connection', 1, {}],
    ['a peer that was never proved, over 20', 20, {}],
    ['another peer that is proved', 4, { secret: secretOf('greedy') }],
  ])('S03 1,000 unfinished messages of 1 MiB by %s are not held', async (_, connections, proof) => {
    const { grpc: port } = authorizer.ports
    ends.push(sendUnfinished({ port, connections, messages: 1_000, addresses: addresses(connections), ...proof }))
    await goodProxy(10)
  })

  it('S02 1,000 connections of one address to each port that say nothing leave the proxy its place', async () => {
    for (const port of Object.values(authorizer.ports)) {
      const held = await hold({ port, count: 1_000, addresses: addresses(1), over: 'tls', bytes: '' })
      ends.push(held.end)
    }
    await goodProxy(3)
  })
})
