import type { IncomingMessage, ServerResponse } from 'node:http'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { createKubeClient, type KubeError, type Resource } from '../../../../platform/kube/client.ts'
import { startFaultyServer } from './faulty-server.ts'

const things: Resource = { group: 'example.com', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
const secret = { metadata: { name: 'a', namespace: 'ns' }, data: { password: 'hunter2' } }
const cleanUp: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const step of cleanUp.splice(0)) await step()
})

async function setUp(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  requestTimeoutMs = 5_000,
) {
  const server = await startFaultyServer(answer)
  const client = createKubeClient(server.connection, { requestTimeoutMs })
  cleanUp.push(client.close, server.close)
  return client
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: KubeError) => error,
  )

async function watched(lines: string | string[]) {
  const client = await setUp((_request, response) => {
    for (const line of [lines].flat()) response.write(line)
    response.end()
  })
  const options = { resourceVersion: '1', timeoutSeconds: 300, signal: new AbortController().signal }
  const events: string[] = []
  const error = await failure(
    (async () => {
      for await (const { type } of client.watch(things, options)) events.push(type)
    })(),
  )
  return { events, error }
}

const added = (name: string) =>
  `${JSON.stringify({ type: 'ADDED', object: { metadata: { name, resourceVersion: '2' } } })}\n`

describe('client', () => {
  test('says who it is and asks for bookmarks', async () => {
    const seen: string[] = []
    const client = await setUp((request, response) => {
      seen.push(`${request.method} ${request.url}`, String(request.headers['user-agent']))
      response.end()
    })
    const options = { resourceVersion: '7', timeoutSeconds: 300, namespace: 'a/b', fieldSelector: 'x=y' }
    for await (const _ of client.watch(things, { ...options, signal: new AbortController().signal }));
    expect(seen).toEqual([
      'GET /apis/example.com/v1/namespaces/a%2Fb/things?resourceVersion=7&timeoutSeconds=300&fieldSelector=x%3Dy&watch=true&allowWatchBookmarks=true',
      'latchkey',
    ])
  })

  test('scans a page object by object, and tells a refusal as any other', async () => {
    const seen: string[] = []
    const client = await setUp((request, response) => {
      seen.push(String(request.url))
      if (seen.length > 1) response.statusCode = 403
      response.end(`{"items":[${JSON.stringify(secret)}],"metadata":{"continue":"next"}}\n`)
    })
    const { signal } = new AbortController()
    const scan = () =>
      client.scan(things, ({ metadata }) => metadata.name, { fieldSelector: 'x=y', limit: 5, continue: 'c', signal })
    expect(await scan()).toEqual({ kept: ['a'], continue: 'next' })
    expect(seen).toEqual(['/apis/example.com/v1/things?fieldSelector=x%3Dy&limit=5&continue=c'])
    const refused = await failure(scan())
    expect(refused?.message).toBe('things GET: 403')
    const gone = new AbortController()
    gone.abort()
    await expect(client.scan(things, () => 1, { signal: gone.signal })).rejects.toThrow()
  })

  test('an empty name never becomes the path of the whole collection', async () => {
    const seen: string[] = []
    const client = await setUp((request, response) => {
      seen.push(String(request.url))
      response.end('{}')
    })
    await expect(client.get(things, 'ns', '')).rejects.toThrow('an object needs a name and a namespace')
    await expect(client.delete(things, 'ns', '')).rejects.toThrow('things: an object needs a name and a namespace')
    await expect(client.delete(things, undefined, 'a')).rejects.toThrow('an object needs a name and a namespace')
    expect(seen).toEqual([])
  })

  test('no error holds the token, what was sent or what was answered', async () => {
    const answers = [
      { status: 422, body: '{"kind":"Status","message":"hunter2 is wrong","reason":"Invalid"}' },
      { status: 500, body: 'hunter2' },
      { status: 200, body: '{"hunter2' },
    ]
    const client = await setUp((_request, response) => {
      const { status, body } = answers.shift() ?? { status: 200, body: '{}' }
      response.writeHead(status, { 'content-type': 'application/json' }).end(body)
    })
    for (let i = 0; i < 3; i++) {
      const text = inspect(await failure(client.create(things, secret)), { depth: 10 })
      expect(text).toMatch(/things/)
      expect(text).not.toMatch(/hunter2|very-secret-token/)
    }
    const unreachable = createKubeClient({
      access: async () => ({
        server: 'http://127.0.0.1:1',
        headers: { authorization: 'Bearer very-secret-token' },
        tls: {},
      }),
    })
    const text = inspect(await failure(unreachable.create(things, secret)), { depth: 10 })
    expect(text).toMatch(/ECONNREFUSED/)
    expect(text).not.toMatch(/hunter2|very-secret-token/)
  })

  test('tells how long to wait, from the header or the body', async () => {
    const answers = [
      { headers: { 'retry-after': '7' }, body: 'too many' },
      { headers: {}, body: '{"reason":"TooManyRequests","details":{"retryAfterSeconds":3}}' },
    ]
    const client = await setUp((_request, response) => {
      const { headers, body } = answers.shift() ?? { headers: {}, body: '' }
      response.writeHead(429, headers).end(body)
    })
    expect(await failure(client.list(things))).toMatchObject({ status: 429, retryAfterSeconds: 7 })
    expect(await failure(client.list(things))).toMatchObject({ status: 429, retryAfterSeconds: 3 })
  })

  test('gives up on an answer that does not come, or does not end', async () => {
    let requests = 0
    const client = await setUp((_request, response) => {
      if (requests++ > 0) response.writeHead(200).write('{')
    }, 50)
    expect((await failure(client.list(things)))?.message).toMatch(/no answer within 50 ms/)
    expect(await failure(client.list(things))).toBeInstanceOf(Error)
  })

  test('reads again, and writes nothing twice, when a kept connection turns out closed', async () => {
    let requests = 0
    const client = await setUp((request, response) => {
      // Answers the first request of a connection and breaks it at the second.
      if (requests++ % 2 === 1) request.socket.destroy()
      else
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end('{"items":[],"metadata":{"resourceVersion":"1"}}')
    })
    await client.list(things)
    await client.list(things)
    expect(requests).toBe(3)
    expect(await failure(client.create(things, secret))).toMatchObject({ code: 'ECONNRESET' })
    expect(requests).toBe(4)
  })

  test('close ends an open watch', async () => {
    const client = await setUp((_request, response) => void response.write(added('a')))
    const signal = new AbortController().signal
    const error = await failure(
      (async () => {
        for await (const _ of client.watch(things, { resourceVersion: '1', timeoutSeconds: 300, signal })) {
          await client.close()
        }
      })(),
    )
    expect(error).toBeInstanceOf(Error)
  })

  test('an aborted signal ends an open watch', async () => {
    const client = await setUp((_request, response) => void response.write(added('a')))
    const abort = new AbortController()
    const options = { resourceVersion: '1', timeoutSeconds: 300, signal: abort.signal }
    const error = await failure(
      (async () => {
        for await (const _ of client.watch(things, options)) abort.abort()
      })(),
    )
    expect(error).toBeInstanceOf(Error)
  })
})

describe('a watch stream', () => {
  test('is cut into events wherever the network cuts it', async () => {
    const text = `${added('Zoë')}${added('b')}\n${added('c')}`
    const bytes = Buffer.from(text)
    const pieces: string[] = []
    for (let at = 0; at < bytes.length; at += 7) pieces.push(bytes.subarray(at, at + 7).toString('latin1'))
    const client = await setUp((_request, response) => {
      for (const piece of pieces) response.write(Buffer.from(piece, 'latin1'))
      response.end()
    })
    const names: string[] = []
    const options = { resourceVersion: '1', timeoutSeconds: 300, signal: new AbortController().signal }
    for await (const event of client.watch(things, options))
      if (event.type === 'ADDED') names.push(event.object.metadata.name)
    expect(names).toEqual(['Zoë', 'b', 'c'])
  })

  test.each([
    ['half a line at the end', `${added('a')}{"type":"ADDED","obj`, 'the stream ended inside a line'],
    ['a line that is not JSON', `${added('a')}hunter2\n`, 'a line is not JSON'],
    ['a line that is JSON and no event', `${added('a')}"hunter2"\n`, 'a line is not a watch event'],
    ['an event of an unknown type', `${added('a')}{"type":"X","object":{}}\n`, 'a line is not a watch event'],
    [
      'an object without a version',
      `${added('a')}{"type":"ADDED","object":{"metadata":{}}}\n`,
      'a line is not a watch event',
    ],
    ['an event without an object', `${added('a')}{"type":"ERROR","object":null}\n`, 'a line is not a watch event'],
  ])('%s breaks it, after the events before', async (_what, text, message) => {
    const { events, error } = await watched(text)
    expect(events).toEqual(['ADDED'])
    expect(error?.message).toBe(`watch: ${message}`)
  })

  test('a line without an end is not collected for ever', async () => {
    const { error } = await watched(Array.from({ length: 17 }, () => 'x'.repeat(1024 * 1024)))
    expect(error?.message).toBe('watch: line too long')
  })
})
