import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { alice } from '../policy-rows.ts'
import { openRaw } from '../raw-socket.ts'
import { type App, type Rig, type Seen, startApp, startGuard } from '../rig.ts'
import { requests } from './requests.ts'

// Two guards: the product's, and the reference over node:http and undici. They share the reading of a head's meaning,
// the decision and the forwarded head; parser, framing, writing and connections are two of each.

let app: App
let product: Rig
let reference: Rig
beforeAll(async () => {
  app = await startApp()
  const limits = { headersTimeoutMs: 1_000, bodyIdleMs: 200 }
  product = await startGuard(app.port, limits)
  reference = await startGuard(app.port, { ...limits, form: 'reference' })
})
afterAll(async () => {
  await Promise.all([product.close(), reference.close()])
  await app.close()
})
beforeEach(() => void app.seen.splice(0))

interface Run {
  readonly status: number
  readonly seen: readonly Seen[]
}

/** Sends, and gives what came back and what reached the app. */
async function run(rig: Rig, text: string): Promise<Run> {
  app.seen.splice(0)
  const caller = await openRaw(rig.port)
  caller.send(text)
  const method = text.split(' ', 1)[0]
  let answer = await caller.answer(method).catch(() => undefined)
  if (answer?.status === 100) answer = await caller.answer(method).catch(() => undefined)
  caller.socket.destroy()
  return { status: answer?.status ?? 0, seen: app.seen.splice(0) }
}

const essence = ({ method, url, body, raw }: Seen) => ({
  method,
  url,
  body,
  fields: raw
    .flatMap((name, at) => (at % 2 === 0 ? [`${name.toLowerCase()}: ${raw[at + 1]}`] : []))
    .filter(field => !/^(connection|content-length: 0|transfer-encoding|x-request-id)/.test(field))
    .sort(),
})

it('the product lets nothing through that the reference refuses, and says the same to the app', {
  timeout: 60_000,
}, async () => {
  let passed = 0
  await fc.assert(
    fc.asyncProperty(requests(alice.token()), async text => {
      const [ours, theirs] = [await run(product, text), await run(reference, text)]
      // The product is stricter; where it lets a request through, the reference must have understood the same one.
      if (ours.seen.length === 0) return
      passed++
      expect(ours.status).toBe(theirs.status)
      expect(ours.seen.map(essence)).toEqual(theirs.seen.map(essence))
    }),
    { numRuns: 250, seed: 20261125 },
  )
  // About one in eight passes; fewer than this does not happen by chance.
  expect(passed).toBeGreaterThan(5)
})

it.each([
  ['a good request', 'GET /api/x?a=b HTTP/1.1\r\nHost: orders\r\n', 200],
  ['a denied one', 'GET /nowhere HTTP/1.1\r\nHost: orders\r\n', 403],
  ['one that is none', 'GET /api/x HTTP/1.1\r\nHost: orders\r\nX : a\r\n', 400],
])('both forms of the guard say the same to %s', async (_what, head, status) => {
  const text = `${head}Authorization: Bearer ${alice.token()}\r\n\r\n`
  const [ours, theirs] = [await run(product, text), await run(reference, text)]
  expect([ours.status, theirs.status]).toEqual([status, status])
  expect(ours.seen.map(essence)).toEqual(theirs.seen.map(essence))
})
