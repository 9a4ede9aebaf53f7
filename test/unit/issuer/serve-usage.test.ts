import type { IncomingMessage, ServerResponse } from 'node:http'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { beforeEach, describe, expect, it } from 'vitest'
import type { AskedObject } from '../../../issuer/authenticate/token-review.ts'
import { createUsageHandler } from '../../../issuer/usage/serve-usage.ts'
import { createUsage, type Usage } from '../../../issuer/usage/usage.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { accessKey, fakeReflector, slice } from './used-objects.ts'

const clock = createManualClock()
const operatorUser = 'system:serviceaccount:latchkey:operator'
/** What the caller may get: `accesskeys shop`, `accesskeys shop/web`, `accesskeys `. */
let rights: Set<string>
let asked: string[]
let usage: Usage
let objects: Record<'keys' | 'grants' | 'roles', ReturnType<typeof fakeReflector>>
beforeEach(() => {
  rights = new Set()
  asked = []
  objects = { keys: fakeReflector(), grants: fakeReflector(), roles: fakeReflector() }
  const { keys, grants, roles } = objects
  keys.put(accessKey('web-key', ['kid-a', 'kid-b']))
  keys.put(accessKey('old-key', ['kid-c'], 'sc_other'))
  grants.put({ metadata: { namespace: 'shop', name: 'give' } })
  roles.put({ metadata: { namespace: 'shop', name: 'reader' }, status: { lastUsedAt: '2025-12-01T00:00:00Z' } })
  roles.put({ metadata: { namespace: 'bank', name: 'payer' } })
  const keysOfKid = { get: () => [keys.store.get('callers/web-key')] }
  usage = createUsage({ objects: { ...objects, by: { keysOfKid } } as never, clock })
})

function createResponse() {
  const stream = new PassThrough()
  const head = { status: 0 }
  const response = Object.assign(stream, {
    headersSent: false,
    writeHead(status: number) {
      head.status = status
      response.headersSent = true
      return response
    },
  })
  return { response: response as unknown as ServerResponse, head, body: text(stream) }
}

async function ask(query: string, username = 'alice') {
  const mayGet = async (_user: unknown, { resource, namespace, name }: AskedObject) => {
    const object = name === '' ? namespace : `${namespace}/${name}`
    asked.push(`${resource.plural} ${object}`)
    return rights.has(`${resource.plural} ${object}`)
  }
  const serve = createUsageHandler({ usage, objects: objects as never, reviewer: { mayGet }, operatorUser, clock })
  const { response, head, body } = createResponse()
  const request = { url: `/v1/usage${query}` } as IncomingMessage
  await serve(request, response, '', { user: { username }, expiresAt: 0 })
  return { status: head.status, body: JSON.parse(await body) }
}

const second = (ago: number) => new Date(clock.wallMs() - ago * 1_000).toISOString().replace(/\.\d+Z/, 'Z')

describe('who asks when objects were used', () => {
  it('is told of what it may get in the namespace it names, and of nothing else', async () => {
    usage.take(slice(), { keys: [['kid-a', 3, 10]], grants: [['give', 1, 0]], rules: [['role/reader#1', 2, 7]] })
    rights.add('roles shop')
    expect(await ask('?namespace=shop')).toEqual({
      status: 200,
      body: {
        since: expect.any(String),
        roles: [
          {
            namespace: 'shop',
            name: 'reader',
            lastUsedAt: second(7),
            calls: 2,
            rules: [{ rule: 1, lastUsedAt: second(7), calls: 2 }],
          },
        ],
      },
    })
  })

  it('is told of keys by kid, and of objects that were never used', async () => {
    usage.take(slice(), { keys: [['kid-a', 3, 10]] })
    rights.add('accesskeys callers')
    const { body } = await ask('?namespace=callers')
    expect(body.accessKeys).toEqual([
      {
        namespace: 'callers',
        name: 'web-key',
        lastUsedAt: second(10),
        calls: 3,
        keys: [{ kid: 'kid-a', lastUsedAt: second(10), calls: 3 }],
      },
      { namespace: 'callers', name: 'old-key', calls: 0, keys: [] },
    ])
  })

  it('is told of one object where it may get that one alone', async () => {
    rights.add('accesskeys callers/web-key')
    const { status, body } = await ask('?namespace=callers&name=web-key')
    expect([status, body.accessKeys.map(({ name }: { name: string }) => name)]).toEqual([200, ['web-key']])
    expect(body).not.toHaveProperty('roles')
    expect((await ask('?namespace=callers&name=old-key')).status).toBe(403)
    expect((await ask('?namespace=callers')).status).toBe(403)
  })

  it('is told of all objects only where it may get all', async () => {
    rights.add('roles ')
    const { body } = await ask('')
    expect(body.roles.map(({ name }: { name: string }) => name)).toEqual(['reader', 'payer'])
    expect(body).not.toHaveProperty('accessKeys')
  })

  it('is told nothing where it may get nothing, be there such an object or not', async () => {
    for (const query of ['', '?namespace=shop', '?namespace=shop&name=reader', '?namespace=none&name=none']) {
      const { status, body } = await ask(query)
      expect([status, body.code]).toEqual([403, 'forbidden'])
      expect(JSON.stringify(body)).not.toContain('reader')
    }
  })

  it('costs three questions to the API server, however many objects there are', async () => {
    rights.add('roles shop')
    await ask('?namespace=shop')
    expect(asked.toSorted()).toEqual(['accessgrants shop', 'accesskeys shop', 'roles shop'])
  })

  it('learns from the status what this replica was not told, and the later of the two', async () => {
    rights.add('roles shop')
    const last = async () => (await ask('?namespace=shop')).body.roles[0].lastUsedAt
    expect(await last()).toBe('2025-12-01T00:00:00Z')
    usage.take(slice(), { rules: [['role/reader#1', 2, 7]] })
    expect(await last()).toBe(second(7))
  })

  it('reads an answer of many objects as one', async () => {
    for (let at = 0; at < 1_000; at++) objects.grants.put({ metadata: { namespace: 'many', name: `g${at}` } })
    rights.add('accessgrants many')
    expect((await ask('?namespace=many')).body.accessGrants).toHaveLength(1_000)
  })

  it.each([
    '?name=x',
    '?namespace=Shop',
    '?namespace=',
    '?namespace=a/b',
    '?namespace=shop&name=../x',
    '?namespace=shop&namespace=bank',
    '?kind=roles',
    '?__proto__=x',
    '?after=5',
    `?namespace=${'a'.repeat(64)}`,
  ])('is refused with %s, and nobody is asked about it', async query => {
    rights.add('roles ')
    const { status, body } = await ask(query)
    expect([status, body.code, asked]).toEqual([400, 'request_malformed', []])
  })
})

describe('the operator', () => {
  it('is told what is new since it asked, and nobody is asked about its rights', async () => {
    usage.take(slice(), { keys: [['kid-a', 3, 10]], grants: [['give', 1, 0]] })
    const at = Math.floor(clock.wallMs() / 1_000)
    const used = { accesskeys: { 'callers/web-key': at - 10 }, accessgrants: { 'shop/give': at }, roles: {} }
    expect((await ask('', operatorUser)).body).toEqual({ at, used })
    expect((await ask(`?after=${at}`, operatorUser)).body).toEqual({ at, used })
    const nothing = { accesskeys: {}, accessgrants: {}, roles: {} }
    expect((await ask(`?after=${at + 1}`, operatorUser)).body).toEqual({ at, used: nothing })
    expect(asked).toEqual([])
  })

  it.each(['-1', '1.5', 'now', '1e9', ''])('is refused with after=%s', async after => {
    expect((await ask(`?after=${after}`, operatorUser)).status).toBe(400)
  })
})
