import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isReserved } from '../../platform/wire/fields/reserved-fields.ts'
import { block, flags, frame, openFrames, types } from './http2-frames.ts'
import { alice } from './policy-rows.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

// Streams of all shapes, translated for an app that speaks HTTP/1: it sees one request or none, and that one is what
// was sent.

let app: App
let rig: Rig
beforeAll(async () => {
  app = await startApp()
  rig = await startGuard(app.port, { bodyIdleMs: 200 })
})
afterAll(async () => {
  await rig.close()
  await app.close()
})

const token = alice.token()
const mostly = (right: fc.Arbitrary<string>, wrong: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof({ weight: 10, arbitrary: right }, { weight: 1, arbitrary: wrong })
const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map(code => String.fromCharCode(code)),
  maxLength: 12,
})
const name = mostly(
  fc.constantFrom('x-a', 'x_b', 'x.c', 'accept', 'cookie', 'content-type', 'latchkey-client', 'x-forwarded-for', 'te'),
  fc.oneof(
    latin1,
    fc.constantFrom('connection', 'transfer-encoding', 'content-length', 'host', ':path', 'X-Up', 'upgrade', 'expect'),
  ),
)
const value = mostly(fc.constantFrom('a', 'a b', '5', 'trailers', ''), latin1)
const smuggled = 'x\r\n\r\nGET /open/smuggled HTTP/1.1\r\nHost: a\r\n\r\n'
const fields = fc.array(fc.tuple(name, fc.oneof(value, fc.constant(smuggled))), { maxLength: 6 })
const bodies = fc.constantFrom('', 'abc', '0\r\n\r\nGET /open/smuggled HTTP/1.1\r\nHost: a\r\n\r\n')
const lengths = fc.constantFrom<'none' | 'right' | 'zero' | 'wrong'>('none', 'right', 'right', 'zero', 'wrong')
const target = mostly(
  fc.constantFrom('/api/x', '/api/x?y=z', '/api/caf%C3%A9'),
  fc.oneof(latin1, fc.constantFrom('/api/../y', '/api//x', '/api/x y', '/api/x#y', '*', 'http://a/api/x')),
)

it('P11 P13 P29 an app behind HTTP/1 sees one request or none, and that one as it was sent', async () => {
  let passed = 0
  await fc.assert(
    fc.asyncProperty(fields, bodies, lengths, target, fc.boolean(), async (sent, body, length, path, split) => {
      app.seen.splice(0)
      const sized = { none: [], right: [String(body.length)], zero: ['0'], wrong: [String(body.length + 1)] }[length]
      const head = [
        [':method', body === '' && length === 'none' ? 'GET' : 'POST'],
        [':scheme', 'http'],
        [':authority', 'orders'],
        [':path', path],
        ['authorization', `Bearer ${token}`],
        ...sized.map(text => ['content-length', text]),
        ...sent,
      ] as [string, string][]
      const connection = await openFrames(rig.port)
      const ends = body === '' && !split
      connection.send(frame(types.headers, flags.endHeaders | (ends ? flags.endStream : 0), 1, block(head)))
      if (!ends) connection.send(frame(types.data, flags.endStream, 1, Buffer.from(body)))
      await Promise.race([connection.closed(), connection.next(types.headers, 1), connection.next(types.reset, 1)])
      connection.socket.destroy()
      expect(app.seen.length).toBeLessThanOrEqual(1)
      for (const seen of app.seen) {
        passed++
        expect([seen.url, seen.body]).toEqual([path, body])
        const own = seen.raw.flatMap((field, at) =>
          at % 2 === 0 ? [`${field.toLowerCase()}: ${seen.raw[at + 1]}`] : [],
        )
        expect(own.filter(line => /^(content-length|transfer-encoding):/.test(line)).length).toBeLessThanOrEqual(1)
        const asked = new Set(head.map(([field, text]) => `${field}: ${text}`))
        const added = own.filter(line => !asked.has(line) && !line.startsWith('cookie: '))
        expect(
          added.filter(
            line => !/^(host|transfer-encoding|connection|latchkey-[a-z]+|x-forwarded-for|x-request-id): /.test(line),
          ),
        ).toEqual([])
        const reserved = own.filter(line => isReserved(line.slice(0, line.indexOf(':'))) && asked.has(line))
        expect(reserved).toEqual([])
      }
    }),
    { numRuns: 250 },
  )
  expect(passed).toBeGreaterThan(20)
}, 30_000)
