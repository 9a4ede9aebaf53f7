import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { addresses, hold } from '../../attacks/hold-connections.ts'
import {
  type Call,
  forgeGrpc,
  forgeHttp,
  forgeTokens,
  secretOf,
  sendUnfinished,
} from '../../attacks/limited-authorizer.ts'
import { authorizerUnderAttack } from '../../builders/under-attack.ts'
import { manifestToken } from '../../guard/access-manifests.ts'

const attacked = authorizerUnderAttack()

/** The good proxy beside the attack is answered every time, in each form, and the process lives. */
async function goodProxy(times: number, call?: Call): Promise<void> {
  for (let i = 0; i < times; i++) {
    expect(await attacked.target.check(call)).toEqual({ http: 200, grpc: 'okResponse' })
    expect(attacked.target.process.ended()).toBeUndefined()
    await setTimeout(200)
  }
}

describe('the authorizer within its chart’s limit of memory', () => {
  it.each([
    ['a peer that was never proved, over one connection', 1, {}],
    ['a peer that was never proved, over 20', 20, {}],
    ['another peer that is proved', 4, { secret: secretOf('greedy') }],
  ])('S03 1,000 unfinished messages of 1 MiB by %s are not held', async (_, connections, proof) => {
    const { grpc: port } = attacked.target.ports
    attacked.ends.push(
      sendUnfinished({ port, connections, messages: 1_000, addresses: addresses(connections), ...proof }),
    )
    await goodProxy(10)
  })

  it('S02 1,000 connections of one address to each port that say nothing leave the proxy its place', async () => {
    for (const port of Object.values(attacked.target.ports)) {
      const held = await hold({ port, count: 1_000, addresses: addresses(1), over: 'tls', bytes: '' })
      attacked.ends.push(held.end)
    }
    await goodProxy(3)
  })

  it('S06 forged tokens of a client there is, as fast as they are answered, cost a caller behind the same proxy no answer', async () => {
    const call = { target: '/api/x', token: manifestToken() }
    // From here on its token is known.
    await goodProxy(1, call)
    const forged = forgeTokens(3_000)
    const { http, grpc } = attacked.target.ports
    const [overHttp, overGrpc] = [forgeHttp(http, 100, forged), forgeGrpc(grpc, 1_000, forged)]
    attacked.ends.push(overHttp.end, overGrpc.end)
    await goodProxy(10, call)
    // A new one waits for its turn, and gets it.
    expect(await attacked.target.check({ target: '/api/x', token: manifestToken() })).toMatchObject({ http: 200 })
    for (const told of [overHttp.end(), overGrpc.end()]) {
      expect(told[401]).toBeGreaterThan(100)
      expect(Object.keys(told).filter(status => status !== '401' && status !== '503')).toEqual([])
    }
  })
})
