import { beforeEach, describe, expect, it } from 'vitest'
import type { Holder } from '../../../issuer/authenticate/token-review.ts'
import { createPrivateHandler } from '../../../issuer/private-server.ts'
import { createGate } from '../cluster/fake-api.ts'
import { settled } from '../platform/manual-clock.ts'
import { createQuietLog } from '../platform/quiet-log.ts'
import { createAnswer, createRequest } from './guard-end.ts'

const holder: Holder = { user: { username: 'system:serviceaccount:shop:app' }, expiresAt: 9 }
const bearer = ['Bearer a.b.c']

let isReady: boolean
let review: () => Promise<Holder | undefined | 'busy'>
let serve: (response: ReturnType<typeof createAnswer>['response']) => Promise<void> | void
let reviewed: [peer: string, token: string][]
let served: unknown[]
let log: ReturnType<typeof createQuietLog>
let handle: ReturnType<typeof createPrivateHandler>

beforeEach(() => {
  isReady = true
  review = async () => holder
  serve = response => void response.writeHead(200).end('{}')
  reviewed = []
  served = []
  log = createQuietLog()
  handle = createPrivateHandler({
    routes: {
      '/v1/snapshots': {
        method: 'POST',
        serve(_request, response, token, by) {
          served.push([token, by])
          return serve(response)
        },
      },
    },
    reviewer: {
      review(peer, token) {
        reviewed.push([peer, token])
        return review()
      },
    },
    ready: () => isReady,
    log: log.log,
  })
})

function ask(about: Parameters<typeof createRequest>[0] = {}) {
  const request = createRequest({ authorization: bearer, ...about })
  const answer = createAnswer()
  const handled = Promise.resolve(handle(request, answer.response))
  handled.catch(() => {})
  return { ...answer, request, handled, told: () => [answer.head.status, answer.last().code] }
}

describe('the port of guards and operator', () => {
  it('asks about the token of the peer that sent it, and then answers its holder', async () => {
    const one = ask({ url: '/v1/snapshots?a=b' })
    await one.handled
    expect([one.head.status, reviewed, served]).toEqual([200, [['10.0.0.7', 'a.b.c']], [['a.b.c', holder]]])
  })

  it.each<[string, Parameters<typeof createRequest>[0], number, string]>([
    ['another path', { url: '/v1/snapshots/' }, 404, 'not_found'],
    ['what every object has', { url: 'constructor' }, 404, 'not_found'],
    ['another method', { method: 'GET' }, 405, 'method_not_allowed'],
  ])('asks about no token for %s', async (_, about, status, code) => {
    const one = ask(about)
    await one.handled
    expect([one.told(), reviewed]).toEqual([[status, code], []])
    expect(one.head.headers.connection).toBe('close')
    if (status === 405) expect(one.head.headers.allow).toBe('POST')
  })

  it('asks about no token before everything is loaded, and tells that a second is to be waited', async () => {
    isReady = false
    const one = ask()
    await one.handled
    expect([one.told(), one.head.headers['retry-after'], reviewed]).toEqual([[503, 'not_ready'], '1', []])
    isReady = true
    const later = ask()
    await later.handled
    expect(later.head.status).toBe(200)
  })

  it.each<[string, readonly string[] | undefined]>([
    ['no header', undefined],
    ['two headers', [...bearer, ...bearer]],
    ['another scheme', ['Basic YTpi']],
    ['two tokens', ['Bearer a.b.c d.e.f']],
    ['a character that no token has', ['Bearer a.b.c,']],
    ['no token', ['Bearer ']],
  ])('asks for a token where there is %s', async (_, authorization) => {
    const request = createRequest({ ...(authorization && { authorization }) })
    const answer = createAnswer()
    await handle(request, answer.response)
    expect([answer.head.status, answer.last().code, reviewed]).toEqual([401, 'invalid_token', []])
    expect(answer.head.headers['www-authenticate']).toBe('Bearer')
  })

  it.each<[string, () => Promise<Holder | undefined | 'busy'>, number, string]>([
    ['the token is not good', async () => undefined, 401, 'invalid_token'],
    ['too many wait', async () => 'busy', 503, 'too_busy'],
    ['the API server does not answer', () => Promise.reject(new Error('503')), 503, 'unavailable'],
  ])('serves nobody when %s', async (_, answers, status, code) => {
    review = answers
    const one = ask()
    await one.handled
    expect([one.told(), served]).toEqual([[status, code], []])
    expect(one.head.headers.connection).toBe('close')
    if (status === 401) expect(one.head.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
    else expect(one.head.headers['retry-after']).toBe('1')
  })

  it('answers nothing while a review takes its time', async () => {
    const { wait, open } = createGate()
    review = async () => {
      await wait()
      return holder
    }
    const one = ask()
    await settled()
    expect([one.head.status, served]).toEqual([undefined, []])
    open()
    await one.handled
    expect([one.head.status, served.length]).toEqual([200, 1])
  })

  it('S03 cuts off who sends more than a guard’s first lines before its token is proved, not after', async () => {
    const { wait, open } = createGate()
    review = async () => {
      await wait()
      return holder
    }
    const [short, long] = [ask(), ask()]
    short.request.write(Buffer.alloc(8_192))
    long.request.write(Buffer.alloc(8_193))
    await settled()
    expect([short.request.destroyed, long.request.destroyed]).toEqual([false, true])
    open()
    await short.handled
    short.request.write(Buffer.alloc(20_000))
    await settled()
    expect(short.request.destroyed).toBe(false)
  })

  it('looks at the body of a token that was refused no more', async () => {
    review = () => Promise.reject(new Error('503'))
    const one = ask()
    await one.handled
    expect(one.request.listenerCount('readable')).toBe(0)
  })

  it('says that the API server is away when a right cannot be looked at, and no word of the fault', async () => {
    serve = () => Promise.reject(new Error('secret of the fault'))
    const one = ask()
    await one.handled
    expect([one.told(), one.head.headers['retry-after']]).toEqual([[503, 'unavailable'], '1'])
    expect(one.lines.join()).not.toContain('secret')
  })

  it('passes on a fault after the answer has begun: half an answer must not stay open', async () => {
    serve = async response => {
      response.writeHead(200)
      throw new Error('in the middle')
    }
    const one = ask()
    await expect(one.handled).rejects.toThrow('in the middle')
    expect(one.lines).toEqual([])
  })

  it('writes no token into its log', async () => {
    review = () => Promise.reject(new Error('503'))
    await ask().handled
    serve = () => Promise.reject(new Error('503'))
    review = async () => holder
    await ask().handled
    expect(log.lines.length).toBe(2)
    expect(JSON.stringify(log.lines)).not.toContain('a.b.c')
  })
})
