import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Replica } from '../../../operator/replicas/ask-replica.ts'
import { createReplicaClient, type ReplicaClient } from '../../../operator/replicas/issuer-replicas.ts'
import { makePair } from '../webhook/make-pair.ts'

type Pair = Awaited<ReturnType<typeof makePair>>
type Parts = Parameters<typeof createReplicaClient>[0]

const report = { seen: { roles: '7' }, slices: { 'shop/orders': { hash: 'a'.repeat(64), guards: [] } } }
const pairs: Pair[] = []
let server: Server
let replica: Replica
let tokenFile: string
let ca: string | undefined
let asked: IncomingMessage[]
let answer: (response: ServerResponse) => void
const clients: ReplicaClient[] = []

beforeAll(async () => {
  pairs.push(await makePair(), await makePair())
  server = createServer((request, response) => {
    asked.push(request)
    answer(response)
  })
  // Whoever ends a connection is the client.
  server.keepAliveTimeout = 0
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  replica = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  tokenFile = join(await mkdtemp(join(tmpdir(), 'replica-client-')), 'token')
})
beforeEach(async () => {
  server.setSecureContext(pairs[0] as Pair)
  ca = pairs[0]?.ca
  asked = []
  answer = response => response.end(JSON.stringify(report))
  await writeFile(tokenFile, 'first\n')
})
afterEach(() => {
  for (const client of clients.splice(0)) client.close()
  server.closeAllConnections()
})
afterAll(() => void server.close())

function createClient(more: Partial<Parts> = {}): ReplicaClient {
  // Addresses are not sent as a server's name.
  const client = createReplicaClient({ authorities: () => ca, servername: '', tokenFile, timeoutMs: 15_000, ...more })
  clients.push(client)
  return client
}

describe('asking a replica of the issuer what its guards hold', () => {
  it('takes its report, over one connection, with the token as it is now', async () => {
    const { ask } = createClient()
    expect(await ask(replica)).toEqual(report)
    await writeFile(tokenFile, 'second')
    expect(await ask(replica)).toEqual(report)
    expect(asked.map(({ method, url, headers }) => [method, url, headers.authorization])).toEqual([
      ['GET', '/v1/enforcement', 'Bearer first'],
      ['GET', '/v1/enforcement', 'Bearer second'],
    ])
    expect(new Set(asked.map(({ socket }) => socket)).size).toBe(1)
  })

  it('takes no more of an answer than a report', async () => {
    answer = response => response.end(JSON.stringify({ ...report, more: 1 }))
    expect(await createClient().ask(replica)).toEqual(report)
  })

  it('goes on when the replica was started anew, with a certificate of other authorities', async () => {
    const { ask } = createClient()
    await ask(replica)
    server.closeAllConnections()
    server.setSecureContext(pairs[1] as Pair)
    await expect(ask(replica)).rejects.toThrow()
    ca = `${pairs[0]?.ca}${pairs[1]?.ca}`
    expect(await ask(replica)).toEqual(report)
  })

  it('sends no token to who shows no certificate of the installation', async () => {
    ca = pairs[1]?.ca
    await expect(createClient().ask(replica)).rejects.toThrow()
    expect(asked).toEqual([])
  })

  it('asks nobody while there are no authorities, or no token', async () => {
    ca = undefined
    await expect(createClient().ask(replica)).rejects.toThrow('no certificate authority yet')
    ca = pairs[0]?.ca
    await rm(tokenFile)
    await expect(createClient().ask(replica)).rejects.toThrow('ENOENT')
    expect(asked).toEqual([])
  })

  it.each([401, 403, 404, 302, 500, 503])('takes an answer of %i for none, and goes on after it', async status => {
    const { ask } = createClient()
    answer = response => response.writeHead(status, { location: '/' }).end(JSON.stringify(report))
    await expect(ask(replica)).rejects.toThrow(`the issuer answered ${status}`)
    answer = response => response.end(JSON.stringify(report))
    expect(await ask(replica)).toEqual(report)
  })

  it.each([
    ['nothing', ''],
    ['a text', '"secret"'],
    ['no JSON', 'secret'],
    ['half a report', '{"seen":{"roles":"secr'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no versions', '{"slices":{}}'],
    ['no slices', '{"seen":{}}'],
    ['null for versions', '{"seen":null,"slices":{}}'],
    ['null for slices', '{"seen":{},"slices":null}'],
    ['a list for slices', '{"seen":{},"slices":[]}'],
  ])('takes %s for no report, and does not repeat it', async (_, body) => {
    answer = response => response.end(body)
    const error = await createClient().ask(replica).catch(String)
    expect(error).toBe('Error: the issuer did not answer with a report')
  })

  it.each<[string, (response: ServerResponse) => void]>([
    ['before it answers', response => response.destroy()],
    [
      'in the middle of its answer',
      response => {
        response.writeHead(200, { 'content-length': 1_000 })
        response.write('{"seen":', () => response.destroy())
      },
    ],
  ])('hears nothing when the replica goes %s', async (_, goes) => {
    answer = goes
    await expect(createClient().ask(replica)).rejects.toThrow()
  })

  it.each<[string, (response: ServerResponse) => void]>([
    ['says nothing', () => {}],
    ['does not end its answer', response => void response.write('{"seen":')],
  ])('waits no longer than its bound for one that %s', async (_, slow) => {
    answer = slow
    await expect(createClient({ timeoutMs: 50 }).ask(replica)).rejects.toThrow()
  })

  it('waits for no end of a refusal', async () => {
    const { ask } = createClient()
    answer = response => void response.writeHead(503).write('{')
    await expect(ask(replica)).rejects.toThrow('answered 503')
    answer = response => response.end(JSON.stringify(report))
    expect(await ask(replica)).toEqual(report)
  })

  it('takes an answer up to its bound and none beyond', async () => {
    const body = JSON.stringify(report)
    answer = response => response.end(body)
    expect(await createClient({ maxBytes: body.length }).ask(replica)).toEqual(report)
    await expect(createClient({ maxBytes: body.length - 1 }).ask(replica)).rejects.toThrow('too long')
    answer = response => void response.write(body)
    await expect(createClient({ maxBytes: 8 }).ask(replica)).rejects.toThrow('too long')
  })

  it('keeps no connection once it is closed', async () => {
    const client = createClient()
    await client.ask(replica)
    const ended = new Promise<void>(resolve => asked[0]?.socket.on('close', () => resolve()))
    client.close()
    await ended
  })
})
