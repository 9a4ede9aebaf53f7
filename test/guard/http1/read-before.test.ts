import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Upstream, UpstreamHandler, UpstreamOwner } from '../../../guard/upstream/state.ts'
import { newUpstream, takeBytes } from '../../../guard/upstream/upstream.ts'
import { nothingBefore, recall, remember } from '../../../platform/wire/read-before.ts'
import { alice } from '../policy-rows.ts'
import { feed, type Outcome } from './offline.ts'

const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
const request = Buffer.from(
  `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\nX-A: b\r\nConnection: keep-alive\r\n\r\n`,
  'latin1',
)

/** The same bytes, or nearly: another target, another method, one byte changed, one byte put in. */
const nearly = fc.oneof(
  { weight: 3, arbitrary: fc.constant(request) },
  { weight: 2, arbitrary: fc.constantFrom('/open/x', '/api/x?a=b', '/nowhere', '/api/../x', '/api/x\t').map(aimedAt) },
  { weight: 1, arbitrary: fc.constantFrom('POST', 'HEAD', 'GETS', 'get').map(method => replaced('GET', method)) },
  { weight: 1, arbitrary: fc.constantFrom('HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0').map(line => replaced('HTTP/1.1', line)) },
  {
    weight: 4,
    arbitrary: fc.tuple(fc.nat({ max: request.length - 5 }), fc.nat({ max: 255 })).map(([at, byte]) => {
      const changed = Buffer.from(request)
      changed[at] = byte
      return changed
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat({ max: request.length - 5 }), fc.constantFrom('\r\n', '\r', '\n', ' ', ':', 'a'))
      .map(([at, text]) => Buffer.concat([request.subarray(0, at), Buffer.from(text, 'latin1'), request.subarray(at)])),
  },
)

function aimedAt(target: string): Buffer {
  return replaced('/api/x', target)
}

function replaced(part: string, by: string): Buffer {
  return Buffer.from(request.toString('latin1').replace(part, by), 'latin1')
}

/** What each request is on a connection of its own, up to the first one that ends its connection or has no end. */
function eachAlone(row: readonly Buffer[]): { row: readonly Buffer[]; outcome: Outcome } {
  const outcomes: Outcome[] = []
  for (const one of row) {
    const alone = feed([one], [answer])
    if (!alone.ended && alone.audit.length !== 1) break
    outcomes.push(alone)
    if (alone.ended) break
  }
  return {
    row: row.slice(0, outcomes.length),
    outcome: {
      toApp: outcomes.flatMap(({ toApp }) => toApp),
      toCaller: outcomes.map(({ toCaller }) => toCaller).join(''),
      ended: outcomes.at(-1)?.ended ?? false,
      audit: outcomes.flatMap(({ audit }) => audit),
    },
  }
}

describe('what was read before', () => {
  it('changes no request: one behind nearly the same one means what it means alone', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.array(nearly, { minLength: 2, maxLength: 6 }), requests => {
        const { row, outcome } = eachAlone(requests)
        expect(feed(row, [answer])).toEqual(outcome)
      }),
      { numRuns: 400 },
    )
  })

  it('is what the very same bytes mean, and nothing else', () => {
    const before = nothingBefore<string>()
    remember(before, 'value', Buffer.from('--abc'), 2, 5)
    expect(recall(before, Buffer.from('xabcx'), 1, 5)).toBe('value')
    expect(recall(before, Buffer.from('xabdx'), 1, 5)).toBeUndefined()
    // The bytes behind `length` are those of an earlier read.
    expect(recall(before, Buffer.from('xabcx'), 1, 3)).toBeUndefined()
  })

  it('keeps no bytes of others, no large heads, and nothing of who never repeats itself', () => {
    const before = nothingBefore<string>()
    const bytes = Buffer.from('abc')
    remember(before, 'value', bytes, 0, 3)
    bytes[0] = 0
    expect(recall(before, Buffer.from('abc'), 0, 3)).toBe('value')
    remember(before, 'large', Buffer.alloc(4_096), 0, 4_096)
    expect(before.bytes).toBeUndefined()
    for (let at = 0; at < 100; at++) remember(before, 'other', Buffer.from([at]), 0, 1)
    expect(before.bytes).toBeUndefined()
  })
})

describe('answers on one connection of the app', () => {
  const owner: UpstreamOwner = { tick: () => 0, onIdle() {}, onTunnel() {}, idleTicks: () => 10 }
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\n'

  /** What was told of each answer. */
  function told(upstream: Upstream, method: string, text: string): string[] {
    const log: string[] = []
    const bytes = Buffer.from(text, 'latin1')
    upstream.handler = {
      onAnswer: head => void log.push(JSON.stringify(head)),
      onData: (data, from, to) => void log.push(data.toString('latin1', from, to)),
      onPause: () => true,
      onEnd: () => void log.push('end'),
      onFault: fault => void log.push(fault),
    } as Partial<UpstreamHandler> as UpstreamHandler
    upstream.method = method
    takeBytes(upstream, bytes, bytes.length, owner)
    return log
  }

  function connection(): Upstream {
    const socket = { destroyed: false, writable: true, destroy() {} } as unknown as Upstream['socket']
    return Object.assign(newUpstream(socket, 0), { sent: true, connected: true })
  }

  const heads = fc.constantFrom(
    ok,
    ok.replace('2\r', '3\r'),
    ok.replace('200 OK', '204 No Content').replace('Content-Length: 2\r\n', ''),
    ok.replace('X-A: b', 'Connection: close'),
    ok.replace('X-A: b', 'Content-Length: 2'),
    ok.replace('X-A: b', 'Transfer-Encoding: chunked'),
    `HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n${ok}`,
  )

  it('mean what each would mean on a connection of its own', () => {
    const asked = fc.tuple(fc.constantFrom('GET', 'HEAD'), heads)
    fc.assert(
      fc.property(fc.array(asked, { minLength: 2, maxLength: 5 }), row => {
        const kept = connection()
        for (const [method, head] of row) {
          const text = method === 'HEAD' ? head : `${head}ok`
          const alone = told(connection(), method, text)
          expect(told(kept, method, text)).toEqual(alone)
          if (alone.at(-1) !== 'end') return
        }
      }),
      { numRuns: 500 },
    )
  })
})
