import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { guardForAll } from '../builders/guard.ts'
import { type End, ends, living, type Opening, openings } from './ended-identities.ts'
import { apps, ask, cleanUp, fieldOf, guarding, session } from './http2-rig.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { openRaw, type RawAnswer, sendRaw } from './raw-socket.ts'
import { startApp, startGuard } from './rig.ts'

// S11, the guard's half: nobody is named to an app who does not count now. Every way an identity ends, wherever a call
// passes whoever makes it, for a token that was let in and named before and for a fresh one by the same credential.

const guarded = guardForAll()
afterEach(cleanUp)

const call = (path: string, token: string): Promise<RawAnswer> =>
  sendRaw(guarded.rig.port, `GET ${path} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
const identityFields = [
  'Latchkey-Client',
  'Latchkey-Subject',
  'Latchkey-Roles',
  'Latchkey-Scopes',
  'Latchkey-Attributes',
]
const told = (): (string | undefined)[] => identityFields.flatMap(name => guarded.app.seen.at(-1)?.header(name) ?? [])

const cases: [string, string, Opening, End][] = openings.flatMap(opening =>
  ends.map((end): [string, string, Opening, End] => [opening.name, end.name, opening, end]),
)

describe('S11 an app over HTTP/1.1', () => {
  it.each(cases)('on %s is told of no caller when %s', async (_where, _what, { path, service }, end) => {
    const token = end.token()
    guarded.rig.apply(living(service))
    expect((await call(path, token)).status).toBe(200)
    expect(guarded.app.seen.at(-1)?.header('Latchkey-Client')).toBe(alice.clientId)
    guarded.rig.apply(end.rows(service))
    guarded.rig.clock.step((end.wait ?? 0) * 1_000)
    const lines = (await guarded.rig.audit(0)).length
    const answers = [await call(path, token), await call(path, end.wait ? token : end.token())]
    guarded.rig.clock.step((end.wait ?? 0) * -1_000)
    expect(answers.map(({ status }) => status)).toEqual([200, 200])
    for (const { raw } of guarded.app.seen.slice(1)) expect(raw.join('\n')).not.toMatch(/latchkey-|authorization/i)
    expect(guarded.app.seen).toHaveLength(3)
    // What is written down and what the app was told are the same.
    for (const line of (await guarded.rig.audit(lines + 2)).slice(lines)) {
      expect(line.decision).toBe('allow')
      expect([line.client, line.clientId, line.key, line.subject]).toEqual([undefined, undefined, undefined, undefined])
    }
  })

  it.each(openings)('on $name is told of a caller as soon as it counts again', async ({ path, service }) => {
    const token = alice.token()
    for (const suspended of [false, true, false]) {
      guarded.rig.apply(rowsOf({ service, alice: { suspended } }))
      expect((await call(path, token)).status).toBe(200)
      expect(guarded.app.seen.at(-1)?.header('Latchkey-Client')).toBe(suspended ? undefined : alice.clientId)
    }
  })

  it('is told of roles and attributes only where they allowed the call', async () => {
    guarded.rig.apply(rowsOf({ service: { mode: 'Audit' } }))
    await call('/nowhere', alice.token())
    expect(told()).toEqual([alice.clientId, alice.clientId])
    await call('/open/x', alice.token())
    expect(told()).toEqual([alice.clientId, alice.clientId])
  })

  it('is told of nobody under a stale policy: what is too old to decide from cannot say who counts', async () => {
    const token = alice.token()
    for (const service of [{ mode: 'Audit' as const }, openings[3]?.service ?? {}]) {
      guarded.rig.apply(rowsOf({ service }))
      expect((await call('/api/learning', token)).status).toBe(200)
      expect(told()[0]).toBe(alice.clientId)
      guarded.rig.clock.step(2 * 86_400_000)
      const fresh = alice.token({
        iat: Math.floor(guarded.rig.clock.wallMs() / 1_000),
        exp: Math.floor(guarded.rig.clock.wallMs() / 1_000) + 60,
      })
      const answers = [await call('/api/learning', token), await call('/api/learning', fresh)]
      guarded.rig.clock.step(-2 * 86_400_000)
      for (const { status, headers } of answers) {
        expect([status, headers['latchkey-decision']]).toEqual([
          200,
          ['allow; reason=policy_stale; mode=audit; by=guard'],
        ])
      }
      for (const { raw } of guarded.app.seen.splice(0).slice(1)) expect(raw.join('\n')).not.toMatch(/latchkey-/i)
    }
  })

  it('gets no credential that does not count, where it is to get credentials', async () => {
    for (const { path, service } of openings) {
      const kept = { ...service, keepCredential: 'Jwt' as const }
      guarded.rig.apply(rowsOf({ service: kept }))
      const token = alice.token()
      await call(path, token)
      expect(guarded.app.seen.at(-1)?.header('Authorization')).toBe(`Bearer ${token}`)
      guarded.rig.apply(rowsOf({ service: kept, alice: { keys: [{ ...alice.key, revoked: true }] } }))
      await call(path, token)
      await call(path, 'a.b.c')
      expect(guarded.app.seen.slice(-2).map(seen => seen.header('Authorization'))).toEqual([undefined, undefined])
    }
  })

  it('is told of one caller on a connection and of nobody in the next request on it', async () => {
    guarded.rig.apply(living({}))
    const good = alice.token()
    const request = (token: string) => `GET /open/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const connection = await openRaw(guarded.rig.port)
    for (const token of [good, 'a.b.c', bob.token(), good, alice.token({ jti: '' })]) {
      connection.send(request(token))
      expect((await connection.answer()).status).toBe(200)
    }
    connection.socket.destroy()
    const names = [alice.clientId, undefined, bob.clientId, alice.clientId, undefined]
    expect(guarded.app.seen.map(seen => seen.header('Latchkey-Client'))).toEqual(names)
  })
})

describe.each(['http1', 'h2c'] as const)('S11 an app that speaks %s, before callers of HTTP/2', kind => {
  it('is told of no caller that does not count, however it ended', async () => {
    const target = await apps[kind]()
    const guarded = await guarding(target)
    const client = session(guarded)
    for (const { path, service } of openings) {
      for (const end of ends) {
        const token = end.token()
        guarded.apply(living(service))
        expect((await ask(client, { ':path': path }, undefined, token)).status).toBe(200)
        guarded.apply(end.rows(service))
        guarded.clock.step((end.wait ?? 0) * 1_000)
        expect((await ask(client, { ':path': path }, undefined, token)).status).toBe(200)
        const another = end.wait ? token : end.token()
        expect(
          (await ask(client, { ':path': path, 'content-type': 'application/grpc' }, undefined, another)).status,
        ).toBe(200)
        guarded.clock.step((end.wait ?? 0) * -1_000)
        const named = target.seen.splice(0).map(({ raw }) => fieldOf(raw, 'latchkey-client'))
        expect([path, end.name, named]).toEqual([path, end.name, [alice.clientId, undefined, undefined]])
      }
    }
  })
})

describe('S11 a WebSocket', () => {
  it('is opened as nobody’s where its caller does not count', async () => {
    const heads: string[][] = []
    const server = await startApp()
    const sockets = new WebSocketServer({ noServer: true })
    server.server.on('upgrade', (request, socket, head) => {
      heads.push(request.rawHeaders)
      sockets.handleUpgrade(request, socket, head, () => {})
    })
    const guarded = await startGuard(server.port)
    const handshake = async (path: string, token: string): Promise<void> => {
      const socket = new WebSocket(`ws://127.0.0.1:${guarded.port}${path}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
      socket.terminate()
    }
    for (const { path, service } of openings) {
      guarded.apply(living(service))
      const token = alice.token()
      await handshake(path, token)
      guarded.apply(rowsOf({ service, alice: { keys: [{ ...alice.key, revoked: true }] } }))
      await handshake(path, token)
      await handshake(path, alice.token())
      expect(heads.splice(0).map(head => fieldOf(head, 'latchkey-client'))).toEqual([
        alice.clientId,
        undefined,
        undefined,
      ])
    }
    for (const socket of sockets.clients) socket.terminate()
    await guarded.close()
    await server.close()
  })
})
