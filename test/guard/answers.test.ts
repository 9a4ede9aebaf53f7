import { describe, expect, it } from 'vitest'
import { guardForAll } from '../builders/guard.ts'
import { alice, bob } from './policy-rows.ts'
import { openRaw, sendRaw } from './raw-socket.ts'

const guarded = guardForAll()

const get = (target: string, token?: string): string =>
  `GET ${target} HTTP/1.1\r\nHost: orders\r\n${token === undefined ? '' : `Authorization: Bearer ${token}\r\n`}\r\n`

describe('an allowed call', () => {
  it('reaches the app and carries the decision back', async () => {
    const answer = await sendRaw(guarded.rig.port, get('/api/things?x=1', alice.token()))
    expect(answer.status).toBe(200)
    expect(answer.body).toBe('from the app')
    expect(answer.headers['latchkey-decision']).toEqual(['allow; reason=granted; by=guard'])
    expect(guarded.app.seen).toHaveLength(1)
    expect(guarded.app.seen[0]?.url).toBe('/api/things?x=1')
  })
  it('needs no credential on a public path', async () => {
    const answer = await sendRaw(guarded.rig.port, get('/open/a'))
    expect(answer.status).toBe(200)
    expect(answer.headers['latchkey-decision']).toEqual(['allow; reason=public; by=guard'])
  })
  it('keeps the connection for the next call', async () => {
    const connection = await openRaw(guarded.rig.port)
    for (let call = 0; call < 3; call++) {
      connection.send(get('/api/things', alice.token()))
      expect((await connection.answer()).status).toBe(200)
    }
    connection.socket.destroy()
  })
})

describe('a denied call', () => {
  it('gets a challenge, a problem body and what to do next', async () => {
    const answer = await sendRaw(guarded.rig.port, get('/api/things'))
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toEqual(['Bearer realm="https://orders.shop.svc"'])
    expect(answer.headers['content-type']).toEqual(['application/problem+json'])
    expect(answer.headers['latchkey-decision']).toEqual(['deny; reason=credential_missing; by=guard'])
    expect(JSON.parse(answer.body)).toMatchObject({
      status: 401,
      code: 'credential_missing',
      title: 'Credential missing',
    })
    expect(guarded.app.seen).toEqual([])
  })
  it.each([
    ['GET', '/api/a[1]', 400, 'The path holds [, which no URI has there as it is: send %5B.'],
    ['GET', '/api/a?x=#', 400, 'The query holds a space, #,'],
    ['PROPFIND', '/api/a', 403, 'No rule and no route can name the method of this call'],
  ])('is told what no role could change: %s %s', async (method, target, status, words) => {
    const answer = await sendRaw(guarded.rig.port, get(target, alice.token()).replace('GET', method))
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.body).detail).toContain(words)
    expect(JSON.parse(answer.body)).not.toHaveProperty('missing')
  })
  it('is told what a role would have to allow', async () => {
    const answer = await sendRaw(guarded.rig.port, get('/api/things', bob.token()))
    expect(answer.status).toBe(403)
    expect(answer.headers['www-authenticate']?.[0]).toContain('error="insufficient_scope"')
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'not_granted', missing: 'GET /api/things' })
  })
})
