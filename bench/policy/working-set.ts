import { type BenchClient, clientToken } from './clients.ts'
import { type PolicySize, pathOf, ruleOf } from './size.ts'

/** A call that the policy allows: who makes it, with which token, to which path. */
export interface Call {
  readonly client: BenchClient
  readonly token: string
  readonly path: string
}

/** A prime, so that a few callers of many are not neighbours. */
const stride = 7_919

/** So many calls, each with a token of its own, spread over all clients; of few clients each has several tokens. */
export function workingSet(count: number, size: PolicySize, clients: readonly BenchClient[], now: number): Call[] {
  return Array.from({ length: count }, (_, at) => {
    const number = (at * stride) % clients.length
    const client = clients[number]
    if (!client) throw new Error('a working set needs clients')
    return { client, token: clientToken(client, String(at), now), path: pathOf(ruleOf(number, size)) }
  })
}
