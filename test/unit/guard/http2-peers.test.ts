import { EventEmitter } from 'node:events'
import type { ServerHttp2Stream } from 'node:http2'
import { expect, test } from 'vitest'
import type { Answering, StreamExchange } from '../../../guard/http2/answering.ts'
import { createHttp1Forward } from '../../../guard/http2/app/forward-http1.ts'
import type { UpstreamPool } from '../../../guard/upstream/pool.ts'
import { readRequest } from '../../../platform/wire/read-request.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

test('connections to the app are shared out between peers: the addresses of one IPv6 /64 are one', () => {
  const peers: string[] = []
  const upstreams: Pick<UpstreamPool, 'take' | 'leave'> = {
    take: ({ peer }) => void peers.push(peer),
    leave: () => {},
  }
  const { forward } = createHttp1Forward({ upstreams: upstreams as UpstreamPool, log: createQuietLog().log })
  const head = readRequest({ method: 'GET', target: '/', version: '1.1', raw: ['host', 'orders'] })
  for (const address of ['2001:db8::1', '2001:db8::2']) {
    const call = { address, verdict: { pass: true, decision: { allow: true } } }
    const exchange = { call, peer: '2001:db8:0:0::/64', head, stream: new EventEmitter() as ServerHttp2Stream }
    forward(exchange as unknown as StreamExchange, [], { onWithdrawn: () => {} } as unknown as Answering)
  }
  expect(peers).toEqual(['2001:db8:0:0::/64', '2001:db8:0:0::/64'])
})
