import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createFetch } from '../../../sdk/fetch.ts'
import { secretProvider } from '../../../sdk/secret-provider.ts'
import { knownSecrets } from '../core/secret/secrets.ts'
import { type MountedSecret, mountSecret } from './mounted-secret.ts'

const audience = 'https://orders.shop.svc'
const audiences = [audience]
const [one, two] = knownSecrets
const staticOne = `sc_test.${one.keyId}.${one.secret}`
const staticTwo = `sc_test.${two.keyId}.${two.secret}`
let secret: MountedSecret
let server: Server
let url: string
let seen: IncomingMessage[]
let answer: (request: IncomingMessage) => { status: number; headers?: Record<string, string> }
const deny = (reason: string) => ({ status: 401, headers: { 'latchkey-decision': `deny; reason=${reason}; by=guard` } })

beforeEach(async () => {
  vi.useFakeTimers({ now: Date.now(), toFake: ['Date', 'performance'] })
  secret = mountSecret({ secret: staticOne })
  seen = []
  answer = () => ({ status: 200 })
  server = createServer((request, response) => {
    seen.push(request)
    request.resume()
    const { status, headers } = answer(request)
    response.writeHead(status, headers).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
afterEach(() => {
  vi.useRealTimers()
  secret.remove()
  server.close().closeAllConnections()
})

const bearer = () => secretProvider({ directory: secret.directory, audiences, as: 'bearer' })
const fetchWith = (provider: ReturnType<typeof bearer>, to = audience) => createFetch(provider, { audience: () => to })
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'none').catch(error => error.code)

describe('a secret is sent', () => {
  test.each([
    ['as bearer', 'bearer', staticOne, 'authorization', `Bearer ${staticOne}`],
    ['as HTTP Basic', 'basic', one.apiKey, 'authorization', `Basic ${one.apiKey}`],
    ['in the header of the service', { header: 'X-Api-Key' }, one.apiKey, 'x-api-key', one.apiKey],
  ] as const)('%s', async (_, as, text, header, value) => {
    secret.replace({ secret: `${text}\n` })
    await fetchWith(secretProvider({ directory: secret.directory, audiences, as }))(url)
    expect(seen.map(({ headers }) => headers[header])).toEqual([value])
  })

  test('to no service that is not listed', async () => {
    expect(await codeOf(fetchWith(bearer(), 'https://other.shop.svc')(url))).toBe('option_invalid')
    expect(seen).toEqual([])
  })

  test('to no other origin, whatever answers', async () => {
    secret.replace({ secret: one.apiKey })
    answer = () => ({ status: 307, headers: { location: 'http://127.0.0.1:9/steal' } })
    const provider = secretProvider({ directory: secret.directory, audiences, as: { header: 'x-api-key' } })
    expect((await fetchWith(provider)(url)).status).toBe(307)
  })

  test('unless the request brings its own', async () => {
    secret.replace({ secret: one.apiKey })
    const provider = secretProvider({ directory: secret.directory, audiences, as: { header: 'x-api-key' } })
    await fetchWith(provider)(url, { headers: { 'X-API-KEY': 'own' } })
    expect(seen[0]?.headers['x-api-key']).toBe('own')
  })
})

describe('after a guard’s 401', () => {
  test.each(['key_revoked', 'key_expired', 'invalid_token'])(
    'for %s twenty calls are each sent once more with the secret that is there now',
    async reason => {
      const call = fetchWith(bearer())
      await call(url)
      seen.length = 0
      answer = ({ headers }) => (headers.authorization === `Bearer ${staticTwo}` ? { status: 200 } : deny(reason))
      secret.replace({ secret: staticTwo })
      const answers = await Promise.all(Array.from({ length: 20 }, () => call(url, { method: 'POST', body: 'one' })))
      expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
      expect(seen).toHaveLength(40)
    },
  )

  test('a call is not sent again with the same secret', async () => {
    answer = () => deny('key_revoked')
    expect((await fetchWith(bearer())(url)).status).toBe(401)
    expect(seen).toHaveLength(1)
  })

  test('that is the API’s own, no call is sent again', async () => {
    const call = fetchWith(bearer())
    await call(url)
    secret.replace({ secret: staticTwo })
    answer = () => ({ status: 401, headers: { 'latchkey-decision': 'allow; reason=granted; by=guard' } })
    expect((await call(url)).status).toBe(401)
    expect(seen).toHaveLength(2)
  })
})

describe('refuses', () => {
  test.each([
    ['a list of no service', { audiences: [], as: 'bearer' }],
    ['a header that is none', { audiences, as: { header: 'x y' } }],
  ] as const)('%s', (_, options) => {
    expect(() => secretProvider(options)).toThrow(expect.objectContaining({ code: 'option_invalid' }))
  })

  test.each([
    ['no secret', '', 'key_missing'],
    ['another kind', one.apiKey, 'key_invalid'],
    ['one with a typo', `${staticOne.slice(0, -1)}X`, 'key_invalid'],
  ])('a Secret with %s, and never tells it', async (_, text, code) => {
    secret.replace({ secret: text })
    const error = await bearer()
      .token(audience)
      .catch(reason => reason)
    expect(error.code).toBe(code)
    expect(error.message).not.toMatch(/lks_|YWNjX/)
  })

  test('to send anything after it was closed', async () => {
    const provider = bearer()
    provider.close()
    expect(await codeOf(provider.token(audience))).toBe('provider_closed')
  })
})
