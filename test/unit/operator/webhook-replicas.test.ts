import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPathQuestion } from '../../../operator/replicas/webhook-replicas.ts'
import { systemClock } from '../../../platform/clock.ts'
import type { HttpServer } from '../../../platform/http/server.ts'
import { createTlsSource } from '../../../platform/http/tls-source.ts'
import { createWebhookServer } from '../../../webhook/server.ts'
import { createQuietLog } from '../platform/quiet-log.ts'
import { makePair } from '../webhook/make-pair.ts'
import { settings } from '../webhook/pods.ts'

const part = 'a'.repeat(32)
let server: HttpServer
let replica: { host: string; port: number }
let ca: string

beforeAll(async () => {
  const pair = await makePair()
  ca = pair.ca
  const never = async () => {
    throw new Error('nothing is read for a question about a path')
  }
  server = createWebhookServer({
    ...{
      host: '127.0.0.1',
      port: 0,
      tls: createTlsSource(pair),
      settings,
      installation: 'default',
      clock: systemClock,
    },
    client: { get: never, scan: never, raw: never },
    paths: { find: async path => (path === `/validate/${part}` ? 'validate' : undefined) },
    log: createQuietLog().log,
  })
  replica = { host: '127.0.0.1', port: (await server.listen()).port }
})
afterAll(() => server?.close(0))

describe('asking a replica of the webhook whether it takes a path', () => {
  // Addresses are not sent as a server's name.
  const ask = (authorities: () => string | undefined) => createPathQuestion({ authorities, servername: '' })

  it('hears yes for the path it knows and no for any other', async () => {
    expect(await ask(() => ca)(replica, `/validate/${part}`)).toBe(true)
    expect(await ask(() => ca)(replica, `/validate/${'b'.repeat(32)}`)).toBe(false)
    expect(await ask(() => ca)(replica, '/')).toBe(false)
  })

  it('believes nobody who does not show a certificate of the installation', async () => {
    const stranger = (await makePair()).ca
    await expect(ask(() => stranger)(replica, `/validate/${part}`)).rejects.toThrow()
    await expect(ask(() => undefined)(replica, `/validate/${part}`)).rejects.toThrow('no certificate authority')
  })
})
