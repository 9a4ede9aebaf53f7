import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../../free-port.ts'
import { countCalls, type RunningLoad } from '../../rotation-load/caller/count-calls.ts'
import { type Way, ways } from '../../rotation-load/caller/ways.ts'
import { nothing, sum } from '../../rotation-load/counts.ts'
import { clientJwk, mountSecret } from '../sdk/mounted-secret.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

/** An API whose guard answers as it is told. @returns its URL */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  ends.push(() => new Promise(resolve => server.close(resolve)))
  ends.push(() => server.closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/orders`
}

const jwk = clientJwk()
function load(kind: Way, url: string): RunningLoad {
  const { directory, remove } = mountSecret({ 'private.jwk': JSON.stringify(jwk) })
  const env = { LATCHKEY_PRIVATE_JWK: JSON.stringify(jwk) }
  const place = { directory, audience: 'https://orders.shop.svc', env }
  const running = countCalls({ way: fetch => ways[kind](place, fetch), url, loops: 2, pauseMs: 1 })
  ends.push(remove, running.stop)
  return running
}
const deny = (reason: string) => ({ 'latchkey-decision': `deny; reason=${reason}; by=guard` })
const kinds = Object.keys(ways) as Way[]

test.each(kinds)('%s: calls that are answered are counted by the key that signed their token', async kind => {
  const running = load(kind, await serve((_, response) => response.end('[]')))
  await expect.poll(() => running.counts().calls).toBeGreaterThan(20)
  await running.stop()
  const { calls, keys, faults, repeated, ended } = running.counts()
  expect({ keys, faults, repeated, ended }).toEqual({
    keys: { [jwk.kid ?? '']: calls },
    faults: {},
    repeated: 0,
    ended: true,
  })
})

test.each(kinds)(
  '%s: a call that is refused counts, also where the SDK gets over it with another token',
  async kind => {
    let refused = 0
    const url = await serve((_, response) => {
      if (refused < 3) response.writeHead(401, deny(refused++ < 2 ? 'key_revoked' : 'invalid_token'))
      response.end()
    })
    const running = load(kind, url)
    await expect.poll(() => running.counts().calls).toBeGreaterThan(20)
    const { faults, examples } = running.counts()
    expect(faults).toEqual({ '401 key_revoked': 2, '401 invalid_token': 1 })
    expect(examples[0]).toContain(`401 key_revoked, signed with ${jwk.kid}`)
  },
)

test('a refusal of the app itself, a closed port and a missing key are told apart', async () => {
  const app = load('sdk', await serve((_, response) => response.writeHead(500).end()))
  const nobody = `http://127.0.0.1:${await freePort()}/orders`
  const gone = load('files', nobody)
  const none = countCalls({
    way: fetch => ways.environment({ directory: '', audience: 'a', env: { LATCHKEY_PRIVATE_JWK: '{}' } }, fetch),
    ...{ url: nobody, loops: 1, pauseMs: 1 },
  })
  ends.push(none.stop)
  const reasons = (running: RunningLoad) => Object.keys(running.counts().faults)
  await expect.poll(() => reasons(app)).toEqual(['500 without a decision of the guard'])
  await expect.poll(() => reasons(gone)).toEqual(['ECONNREFUSED'])
  await expect.poll(() => reasons(none)).toEqual(['key_invalid'])
})

test('a kept connection that is closed under a call is one more try, and a second one a failure', async () => {
  let calls = 0
  const url = await serve(({ socket }, response) => (++calls > 6 ? response.end() : socket.destroy()))
  const running = load('sdk', url)
  await expect.poll(() => running.counts().calls).toBeGreaterThan(20)
  await running.stop()
  const { repeated, faults } = running.counts()
  const failed = Object.values(faults).reduce((all, count) => all + count, 0)
  expect(repeated).toBeGreaterThanOrEqual(3)
  expect(failed).toBeGreaterThan(0)
  expect(repeated + failed).toBe(6)
})

test('who reads the files makes each call on a connection of its own, with a token of its own', async () => {
  const [sockets, tokens] = [new Set<unknown>(), new Set<unknown>()]
  let calls = 0
  const url = await serve(({ socket, headers }, response) => {
    calls++
    sockets.add(socket)
    tokens.add(headers.authorization)
    response.end()
  })
  const running = load('files', url)
  await expect.poll(() => running.counts().calls).toBeGreaterThan(10)
  await running.stop()
  expect([sockets.size, tokens.size]).toEqual([calls, calls])
})

test('the last words come when the calls under way have their answers', async () => {
  const open: ServerResponse[] = []
  const running = load('sdk', await serve((_, response) => open.push(response)))
  await expect.poll(() => open.length).toBe(2)
  const stopped = running.stop()
  expect(running.counts()).toMatchObject({ calls: 0, ended: false })
  for (const response of open) response.end()
  await stopped
  expect(running.counts()).toMatchObject({ calls: 2, faults: {}, ended: true })
})

test('what several callers counted is one sum, which has ended when all have', () => {
  const one = { ...nothing, calls: 3, keys: { a: 2, b: 1 }, faults: { ECONNRESET: 1 }, examples: ['x'], repeated: 1 }
  const other = { ...nothing, calls: 1, keys: { b: 1 }, ended: false }
  expect(sum([one, other])).toEqual({ ...one, calls: 4, keys: { a: 2, b: 2 }, ended: false })
  expect(sum([])).toEqual(nothing)
})
