import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { writeApiKey } from '../../../core/secret/presented.ts'
import { createTlsSource } from '../../../platform/http/tls-source.ts'
import { cutTarget } from '../../fuzz/cut-target.ts'
import { alice, nowSeconds, rowsOf } from '../../guard/policy-rows.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { type App, startApp } from '../../guard/rig.ts'
import { peers, type Rig, secretOf, startAuthorizer } from '../../unit/authorizer/rig.ts'
import { knownSecrets } from '../../unit/core/secret/secrets.ts'
import { proxies, type RunningProxy } from './proxies.ts'
import { writeFiles } from './start-authorizer.ts'

const [{ keyId, secret, hash }] = knownSecrets
const key = writeApiKey({ keyId, secret })
const rows = rowsOf({
  service: { accepts: ['ClientToken', 'ApiKey'], apiKey: { header: 'x-api-key', query: 'api-key' } },
  alice: { secrets: [{ kid: keyId, accessKey: 'old-caller', kind: 'ApiKey', hash, notBefore: nowSeconds() - 60 }] },
})
const takingOff = peers.map(peer => ({
  ...peer,
  ...(['nginx', 'haproxy'].includes(peer.name) && { keyHeaders: ['x-api-key'] }),
}))

let folder: string
let app: App
let authorizer: Rig
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'latchkey-keys-'))
  await writeFiles(folder, '')
  for (const name of ['nginx', 'haproxy']) await writeFile(join(folder, `${name}.secret`), `${secretOf(name)}\n`)
  const [cert, tlsKey, ca] = await Promise.all(
    ['server.crt', 'server.key', 'peer-ca.crt'].map(name => readFile(join(folder, name))),
  )
  const tls = createTlsSource()
  tls.replace({ cert: cert ?? '', key: tlsKey ?? '', ca: ca ?? '' })
  app = await startApp()
  authorizer = await startAuthorizer({ rows, peers: takingOff, tls })
})
afterAll(async () => {
  await authorizer?.close()
  await app?.close()
  await rm(folder, { recursive: true, force: true })
})
beforeEach(() => void app.seen.splice(0))

describe.each(proxies)('an API key behind $name', ({ name, prepare, start }) => {
  let proxy: RunningProxy
  beforeAll(async () => {
    await prepare()
    proxy = await start({ authorizer: { folder, ports: authorizer }, app: app.port }, { keyHeader: 'X-Api-Key' })
  }, 300_000)
  afterAll(() => proxy?.stop())
  const ask = (target: string, ...fields: string[]) =>
    sendRaw(proxy.port, `GET ${target} HTTP/1.1\r\nHost: orders\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`)
  const seen = () => JSON.stringify(app.seen.map(({ url, raw }) => [url, raw]))

  it.each(['X-Api-Key: ', 'Authorization: Basic '])('in %s lets its client in, and the app sees none', async field => {
    const answer = await ask('/api/x?b=1&a=2', `${field}${key}`, 'X_Api_Key: whatever', 'X.Api.Key: whatever')
    expect([answer.status, answer.headers['latchkey-decision']]).toEqual([200, ['allow; reason=granted; by=guard']])
    expect(app.seen.map(({ url }) => url)).toEqual(['/api/x?b=1&a=2'])
    expect(app.seen[0]?.header('Latchkey-Client')).toBe(alice.clientId)
    expect(seen()).not.toContain(key)
    expect(seen()).not.toContain('whatever')
  })

  it('in the header is taken off on public paths too', async () => {
    expect((await ask('/open/x', `X-Api-Key: ${key}`)).status).toBe(200)
    expect(app.seen).toHaveLength(1)
    expect(seen()).not.toContain(key)
  })

  it.each(['/api/x', '/open/x'])('in the query of %s is cut out byte for byte, or refused', async path => {
    const answer = await ask(`${path}?b=1&api-key=${key}&a=%20&a&&c=`)
    if (name !== 'Envoy over gRPC') {
      expect([answer.status, app.seen]).toEqual([400, []])
      return
    }
    expect(answer.status).toBe(200)
    expect(app.seen.map(({ url }) => url)).toEqual([`${path}?b=1&a=%20&a&&c=`])
    expect(seen()).not.toContain(key)
  })
})

describe('Envoy over gRPC, told the target that is left', () => {
  let proxy: RunningProxy
  beforeAll(async () => {
    const envoy = proxies.find(({ name }) => name === 'Envoy over gRPC')
    await envoy?.prepare()
    proxy = (await envoy?.start({ authorizer: { folder, ports: authorizer }, app: app.port })) as RunningProxy
  }, 300_000)
  afterAll(() => proxy?.stop())

  it('forwards what was decided on, byte for byte, or the call is refused: whatever the query', async () => {
    const pieces = ['api-key', 'API-KEY', '=', '&', 'k', '%20', '%2D', '+', '/', '?', 'b', '.', '[', ';', '~']
    const query = fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map(all => all.join(''))
    const queries = fc.sample(
      fc.oneof(
        query,
        query.map(text => `${text}&api-key=k&${text}`),
      ),
      300,
    )
    let passed = 0
    for (const target of queries.map(text => `/open/x?${text}`)) {
      app.seen.splice(0)
      const answer = await sendRaw(proxy.port, `GET ${target} HTTP/1.1\r\nHost: orders\r\n\r\n`)
      expect(app.seen.map(({ url }) => url)).toEqual(answer.status === 200 ? [cutTarget(target)] : [])
      if (answer.status === 200 && cutTarget(target) !== target) passed++
    }
    expect(passed).toBeGreaterThan(20)
  })
})
