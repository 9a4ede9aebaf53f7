import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SecretRow } from '../../core/rows/rows.ts'
import { writeApiKey, writeStaticSecret } from '../../core/secret/presented.ts'
import { guardForAll } from '../builders/guard.ts'
import { knownSecrets } from '../unit/core/secret/secrets.ts'
import { apps, cleanUp, guarding, outcomeOf, session } from './http2-rig.ts'
import { alice, nowSeconds, rowsOf } from './policy-rows.ts'
import { openRaw, type RawAnswer, sendRaw } from './raw-socket.ts'

const guarded = guardForAll()
const [one, two] = knownSecrets
const secretOf = (kind: SecretRow['kind'], { keyId, hash }: { keyId: string; hash: string }): SecretRow => ({
  kid: keyId,
  accessKey: 'old-caller',
  kind,
  hash,
  notBefore: nowSeconds() - 60,
})
const rows = rowsOf({
  service: {
    accepts: ['ClientToken', 'StaticSecret', 'ApiKey'],
    apiKey: { header: 'x-api-key', query: 'api-key' },
    keepCredential: 'Jwt',
  },
  alice: { secrets: [secretOf('StaticSecret', one), secretOf('ApiKey', two)] },
})
beforeEach(() => guarded.rig.apply(rows))
afterEach(cleanUp)

const bearer = `Authorization: Bearer ${writeStaticSecret({ clientId: alice.clientId, ...one })}`
const key = writeApiKey(two)
const head = (target: string, ...fields: string[]) =>
  `GET ${target} HTTP/1.1\r\nHost: orders\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`
const call = (target: string, ...fields: string[]): Promise<RawAnswer> =>
  sendRaw(guarded.rig.port, head(target, ...fields))
const reasonOf = ({ status, body }: RawAnswer) => `${status} ${JSON.parse(body).code}`
const secrets = new RegExp([one.secret, two.secret, key].join('|'))

describe('a secret', () => {
  it.each([
    ['a static secret', '/api/x?a=1', bearer],
    ['an API key behind Basic', '/api/x?a=1', `Authorization: Basic ${key}`],
    ['an API key in the header of the service', '/api/x?a=1', `X-Api-Key: ${key}`],
    ['an API key in the query', `/api/x?api-key=${key}&a=1`, 'Accept: */*'],
  ])('lets its client in, and goes no further: %s', async (_, target, field) => {
    const lines = (await guarded.rig.audit(0)).length
    expect((await call(target, field)).status).toBe(200)
    const [seen] = guarded.app.seen
    expect(seen?.url).toBe('/api/x?a=1')
    expect(seen?.header('Latchkey-Client')).toBe(alice.clientId)
    expect(`${seen?.url} ${seen?.raw.join('\n')}`).not.toMatch(secrets)
    const audit = await guarded.rig.audit(lines + 1)
    expect(audit.at(-1)).toMatchObject({ decision: 'allow', client: 'callers/alice', path: '/api/x' })
    expect(JSON.stringify([audit, guarded.rig.log])).not.toMatch(secrets)
    expect(await guarded.rig.metrics()).not.toMatch(secrets)
  })

  it('is taken off on public paths too, in every spelling of the header', async () => {
    await call('/open/x', 'X-Api-Key: whatever', 'X_Api_Key: whatever', 'X.Api.Key: whatever', 'X-Api-Keys: passes')
    const [seen] = guarded.app.seen
    expect(seen?.raw.join('\n')).not.toContain('whatever')
    expect(seen?.header('X-Api-Keys')).toBe('passes')
  })

  it('is cut out of the query on public paths too', async () => {
    expect((await call(`/open/x?a=1&api-key=${writeApiKey(one)}`)).status).toBe(200)
    expect(guarded.app.seen.map(({ url }) => url)).toEqual(['/open/x?a=1'])
  })

  it('goes no further once the header is another one, on a connection that says the same again', async () => {
    const connection = await openRaw(guarded.rig.port)
    const same = head('/open/x', 'X-Other: 1')
    for (const header of ['x-api-key', 'x-other', 'x-api-key']) {
      guarded.rig.apply(rowsOf({ service: { accepts: ['ApiKey'], apiKey: { header } } }))
      connection.send(same)
      expect((await connection.answer()).status).toBe(200)
    }
    connection.socket.destroy()
    expect(guarded.app.seen.map(seen => seen.header('X-Other'))).toEqual(['1', undefined, '1'])
  })
})

describe('an API key in the query', () => {
  const typo = key.replace('YWNjX', 'YWNjx')
  it.each([
    ['twice', `/api/x?api-key=${key}&api-key=${key}`, '400 credential_ambiguous'],
    ['in capitals', `/api/x?API-KEY=${key}`, '400 credential_ambiguous'],
    ['with an escape in its name', `/api/x?api%2Dkey=${key}`, '400'],
    ['behind a semicolon', `/api/x?a=1;api-key=${key}`, '400'],
    ['with a typo', `/api/x?api-key=${typo}`, '401 invalid_token'],
    ['empty', '/api/x?api-key=', '401 invalid_token'],
    ['of nobody', `/api/x?api-key=${writeApiKey(knownSecrets[2])}`, '401 invalid_token'],
    ['on a public path, twice', `/open/x?api-key=${key}&api-key=${key}`, '400 credential_ambiguous'],
  ])('%s is refused, and the app sees nothing', async (_, target, expected) => {
    expect(reasonOf(await call(target))).toContain(expected)
    expect(guarded.app.seen).toEqual([])
  })

  it('beside another credential is refused', async () => {
    for (const field of [bearer, `X-Api-Key: ${key}`, `Authorization: Bearer ${alice.token()}`]) {
      expect(reasonOf(await call(`/api/x?api-key=${key}`, field))).toBe('400 credential_ambiguous')
    }
    expect(guarded.app.seen).toEqual([])
  })

  it('is a parameter like any other at a service that takes none there', async () => {
    guarded.rig.apply(rowsOf())
    expect((await call(`/api/x?api-key=abc`, `Authorization: Bearer ${alice.token()}`)).status).toBe(200)
    expect(guarded.app.seen[0]?.url).toBe('/api/x?api-key=abc')
  })

  it('is cut out on every request of a connection, also where the bytes are the same again', async () => {
    const connection = await openRaw(guarded.rig.port)
    for (let at = 0; at < 3; at++) {
      connection.send(head(`/api/x?api-key=${key}`))
      expect((await connection.answer()).status).toBe(200)
    }
    connection.socket.destroy()
    expect(guarded.app.seen.map(({ url }) => url)).toEqual(['/api/x', '/api/x', '/api/x'])
  })

  it.each(Object.entries(apps))('is cut out of a target of HTTP/2 before an app of %s', async (_, start) => {
    const app = await start()
    const rig = await guarding(app)
    rig.apply(rows)
    const client = session(rig)
    const ask = (path: string) => {
      const stream = client.request({ ':path': path, ':authority': 'orders' })
      return outcomeOf(stream.end())
    }
    expect((await ask(`/api/x?a=1&api-key=${key}`)).status).toBe(200)
    expect(JSON.stringify(app.seen)).not.toMatch(secrets)
    expect(JSON.stringify(app.seen)).toContain('/api/x?a=1')
    expect((await ask(`/api/x?api-key=${key}&API-key=1`)).status).toBe(400)
    expect(app.seen).toHaveLength(1)
  })
})
