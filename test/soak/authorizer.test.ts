import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { addresses, type Hold, hold } from '../attacks/hold-connections.ts'
import {
  type Call,
  forgeGrpc,
  forgeHttp,
  forgeTokens,
  secretOf,
  sendUnfinished,
} from '../attacks/limited-authorizer.ts'
import { authorizerUnderAttack } from '../builders/under-attack.ts'
import { manifestToken } from '../guard/access-manifests.ts'

const attacked = authorizerUnderAttack()

/** For ten seconds, two checks a second in each form. */
async function goodProxy(call?: Call): Promise<void> {
  for (let i = 0; i < 20; i++) {
    expect(await attacked.target.check(call)).toEqual({ http: 200, grpc: 'okResponse' })
    expect(attacked.target.process.ended()).toBeUndefined()
    await setTimeout(500)
  }
}

const preface = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
])
/** HEADERS of 16,000 bytes, all but the last of them. */
const halfHeaders = Buffer.concat([preface, Buffer.from([0, 0x3e, 0x80, 1, 4, 0, 0, 0, 1]), Buffer.alloc(15_999, 0x82)])

const phases: [string, 'http' | 'grpc', Pick<Hold, 'over' | 'bytes'>][] = [
  ['silence before the handshake', 'grpc', { over: 'tcp', bytes: '' }],
  ['silence after the handshake', 'grpc', { over: 'tls', bytes: '' }],
  ['half a preface', 'grpc', { over: 'tls', bytes: 'PRI * HTTP/2.0\r\n' }],
  ['half a head', 'grpc', { over: 'tls', bytes: halfHeaders }],
  ['silence before the handshake', 'http', { over: 'tcp', bytes: '' }],
  ['silence after the handshake', 'http', { over: 'tls', bytes: '' }],
  [
    'a head of 65,000 bytes that does not end',
    'http',
    { over: 'tls', bytes: `GET / HTTP/1.1\r\nX: ${'x'.repeat(65_000)}` },
  ],
]

describe.each(phases)('S01 S02 the authorizer at its chart’s limit: %s at the port for %s', (_, port, attack) => {
  it.each([1, 50])('1,000 connections of %i addresses', async from => {
    const at = { port: attacked.target.ports[port], count: 1_000, addresses: addresses(from), again: true } as const
    attacked.ends.push((await hold({ ...at, ...attack })).end)
    await goodProxy()
  })
})

describe('S03 the authorizer at its chart’s limit: unfinished messages of 1 MiB', () => {
  it.each([
    ['never proved, over one connection', 1, 1_000, {}],
    ['never proved, over 50 connections of as many addresses', 50, 2_000, {}],
    ['proved, over one connection', 1, 1_000, { secret: secretOf('greedy') }],
    ['proved, over 50 connections of as many addresses', 50, 2_000, { secret: secretOf('greedy') }],
  ])('%s', async (_, connections, messages, proof) => {
    const { grpc: port } = attacked.target.ports
    attacked.ends.push(sendUnfinished({ port, connections, messages, addresses: addresses(connections), ...proof }))
    await goodProxy()
  })
})

describe('S06 the authorizer at its chart’s limit: forged tokens of a client there is, through the same proxy', () => {
  it.each([1, 100])('%i connections of HTTP, and 4,000 checks of gRPC at a time', async connections => {
    const call = { target: '/api/x', token: manifestToken() }
    // From here on its token is known.
    await attacked.target.check(call)
    const forged = forgeTokens(5_000)
    const { http, grpc } = attacked.target.ports
    attacked.ends.push(forgeHttp(http, connections, forged).end, forgeGrpc(grpc, 4_000, forged).end)
    await goodProxy(call)
  })
})
