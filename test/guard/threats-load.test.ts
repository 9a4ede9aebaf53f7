import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { RoleRow } from '../../core/rows/rows.ts'
import { boundsFor, createIdentityCache } from '../../enforce/identity-cache.ts'
import { configTable } from '../../guard/config.ts'
import { startSidecar } from '../../guard/sidecar.ts'
import { systemClock } from '../../platform/clock.ts'
import { readConfig } from '../../platform/config.ts'
import { examineObject } from '../../webhook/admission/checks/validate-object.ts'
import { sidecarSettings } from '../builders/sidecar-settings.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { full, startFrameServer } from './frame-server.ts'
import { alice, bob, createCaller, grant, rowsOf, service, serviceRow } from './policy-rows.ts'
import { openRaw, type RawConnection, sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

// What many calls, patterns and connections cost: J06, X03, X04 and X06 against the running guard. Nothing here looks
// at a clock: what is counted is connections, series and answers, and a guard that stands still fails by its time-out.

let app: App
let rig: Rig
const connections: RawConnection[] = []
beforeAll(async () => {
  app = await startApp()
  rig = await startGuard(app.port, { headersTimeoutMs: 2_000 })
})
afterAll(async () => {
  await rig.close()
  await app.close()
})
beforeEach(() => void app.seen.splice(0))
afterEach(() => {
  for (const { socket } of connections.splice(0)) socket.destroy()
})

async function open(port = rig.port): Promise<RawConnection> {
  const connection = await openRaw(port)
  connections.push(connection)
  return connection
}
const request = (target: string, token: string): string =>
  `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`

/** Sends them one after the other on one connection. @returns statuses, each with how often it came */
async function statusesOf(port: number, requests: Iterable<string>): Promise<Record<number, number>> {
  const connection = await open(port)
  const counts: Record<number, number> = {}
  for (const bytes of requests) {
    connection.send(bytes)
    const { status } = await connection.answer()
    counts[status] = (counts[status] ?? 0) + 1
  }
  return counts
}

describe('J06 a flood of unknown keys', () => {
  it('is refused from what the guard holds: the issuer, which is its only source, is asked for nothing', async () => {
    const issuer = await startFrameServer()
    const rows = rowsOf()
    issuer.serve(stream => stream.send(full(rows, { apiclients: '1' })))
    const folder = await mkdtemp(join(tmpdir(), 'flood-'))
    await writeFile(join(folder, 'tcp'), 'head\n')
    const config = readConfig(configTable, sidecarSettings(folder, { service, appPort: app.port, issuer }))
    const { log } = createQuietLog()
    const guard = await startSidecar(config, { clock: systemClock, log, version: 'test', procNet: folder })
    try {
      await expect.poll(async () => (await sendRaw(guard.port, request('/api/x', alice.token()))).status).toBe(200)
      const [header, payload, signature] = alice.token().split('.') as [string, string, string]
      const unknown = (at: number): string => {
        const named = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), kid: `unknown-${at}` }
        return `${Buffer.from(JSON.stringify(named)).toString('base64url')}.${payload}.${signature}`
      }
      const flood = Array.from({ length: 2_000 }, (_, at) => request('/api/x', unknown(at)))
      const halves = [flood.slice(0, 1_000), flood.slice(1_000)]
      const counts = await Promise.all(halves.map(half => statusesOf(guard.port, half)))
      expect(counts).toEqual([{ 401: 1_000 }, { 401: 1_000 }])
      expect(issuer.streams).toHaveLength(1)
      expect((await sendRaw(guard.port, request('/api/x', alice.token()))).status).toBe(200)
    } finally {
      await guard.stop()
      await issuer.close()
    }
  })
})

describe('X03 patterns', () => {
  const allowing = (...paths: string[]): void => {
    const role: RoleRow = { type: 'role', name: 'caller', rules: [{ index: 0, methods: ['GET'], paths }] }
    rig.apply([serviceRow(), role, grant, alice.row, bob.row])
  }
  afterEach(() => rig.apply(rowsOf()))
  const statusOf = async (target: string): Promise<number> => {
    return (await sendRaw(rig.port, request(target, alice.token()))).status
  }

  it('have no regular expression in them: what looks like one is a literal', async () => {
    allowing('/a+(b)', '/x.y', '/$', "/'")
    expect([await statusOf('/a+(b)'), await statusOf('/x.y'), await statusOf('/$')]).toEqual([200, 200, 200])
    expect([await statusOf('/aab'), await statusOf('/ab'), await statusOf('/xzy'), await statusOf('/')]).toEqual([
      403, 403, 403, 403,
    ])
  })
  it('of stars upon stars decide the longest paths at once', async () => {
    const depth = 60
    const stars = Array.from({ length: depth }, (_, at) => `${'/*'.repeat(at + 1)}/**`)
    const mixed = Array.from({ length: depth }, (_, at) => `${'/*'.repeat(at)}/a${'/{p}'.replace('p', `p${at}`)}/z`)
    allowing(...stars.map(path => `/deep${path}`), ...mixed)
    const long = '/a'.repeat(4_000)
    expect(long.length).toBeLessThan(8_192)
    expect([await statusOf(`/deep${'/a'.repeat(3_900)}`), await statusOf(long)]).toEqual([200, 403])
    expect(await statusOf(`/deep${'/a'.repeat(depth)}`)).toBe(200)
    expect(await statusOf(`${'/a'.repeat(20)}/q/z`)).toBe(200)
  })
  it('of 34 stars in one segment, and other globs of advisories, are refused at admission', async () => {
    const refused = [
      `/${'*'.repeat(34)}x`,
      `/${'**/'.repeat(34)}x`,
      '/+(a|aa)',
      '/*(a|*(b|*(c)))',
      '/{a,b}',
      '/[a-z]',
      '/(?=a)',
      '/a{1,99999}',
      `/${'a'.repeat(10_240)}`,
      `/${'{a}/'.repeat(2_560)}`,
    ]
    for (const path of refused) {
      const spec = { rules: [{ services: ['orders'], methods: ['GET'], paths: [path] }] }
      const asked = {
        uid: 'u-1',
        kind: { group: 'latchkey.dev', kind: 'Role' },
        operation: 'CREATE' as const,
        namespace: 'shop',
        name: 'thing',
        object: { metadata: { name: 'thing' }, spec },
      }
      expect(examineObject(asked, 0), path).toMatchObject({ allowed: false })
    }
  })
  it('that came by a slice all the same open nothing', async () => {
    allowing(`/${'*'.repeat(34)}x`)
    const target = `/${'a'.repeat(34)}x`
    expect(await statusOf(target)).not.toBe(200)
    expect(app.seen).toEqual([])
  })
})

describe('X04 F27 connections that do nothing', () => {
  it('500 idle ones and 200 half heads cost nobody else an answer', async () => {
    await Promise.all(Array.from({ length: 500 }, () => open()))
    const half = await Promise.all(Array.from({ length: 200 }, () => open()))
    for (const connection of half) connection.send('GET /api/x HTTP/1.1\r\nHost: ord')
    const good = Array.from({ length: 200 }, () => request('/api/x', alice.token()))
    expect(await statusesOf(rig.port, good)).toEqual({ 200: 200 })
  })
  it('a head that trickles is ended although bytes keep coming', async () => {
    const slow = await open()
    slow.send('GET /api/x HTTP/1.1\r\nHost: orders\r\n')
    const trickle = setInterval(() => slow.send('X-A: b\r\n'), 50)
    const { status } = await slow.answer()
    clearInterval(trickle)
    expect(status).toBe(408)
    expect(app.seen).toEqual([])
  })
})

describe('X06 what callers invent', () => {
  it('a thousand clients, paths, ids and tokens add no series', async () => {
    const strangers = Array.from({ length: 20 }, (_, at) => createCaller(`stranger-${at}`))
    const invented = function* (): Generator<string> {
      for (let at = 0; at < 1_000; at++) {
        const token = (strangers[at % strangers.length] as typeof alice).token({ sub: `sc_${at}`, jti: `jti-${at}` })
        yield `GET /nowhere/${at}?q=${at} HTTP/1.1\r\nHost: h${at}\r\nX-Request-Id: r-${at}\r\nUser-Agent: a/${at}\r\nAuthorization: Bearer ${at % 2 ? token : alice.token()}\r\n\r\n`
      }
    }
    const seriesOf = async (): Promise<string[]> =>
      (await rig.metrics())
        .split('\n')
        .filter(line => line.startsWith('latchkey_guard'))
        .map(line => line.slice(0, line.lastIndexOf(' ')))
    await statusesOf(rig.port, [request('/nowhere', alice.token()), request('/nowhere', 'a.b.c')])
    const before = await seriesOf()
    expect(await statusesOf(rig.port, invented())).toEqual({ 401: 500, 403: 500 })
    expect(await seriesOf()).toEqual(before)
    expect(before.join()).not.toMatch(/nowhere|jti|sc_|r-\d/)
  })
  it('the cache of identities forgets, by number and by size', () => {
    const identity = {
      ...alice.row,
      client: 'a',
      key: 'k',
      credential: 'ClientToken',
      subject: 's',
      scopes: [],
    } as never
    const byNumber = createIdentityCache(() => ({ entries: 100, characters: 1_000_000 }))
    for (let at = 0; at < 100_000; at++) byNumber.set(`token-${at}`, identity)
    const kept = Array.from({ length: 100_000 }, (_, at) => byNumber.get(`token-${at}`)).filter(Boolean)
    expect(kept.length).toBeLessThanOrEqual(200)
    const bySize = createIdentityCache(() => ({ entries: 1_000_000, characters: 10_000 }))
    for (let at = 0; at < 1_000; at++) bySize.set(`${at}${'x'.repeat(1_000)}`, identity)
    const held = Array.from({ length: 1_000 }, (_, at) => bySize.get(`${at}${'x'.repeat(1_000)}`)).filter(Boolean)
    expect(held.length).toBeLessThanOrEqual(20)
    expect(held.length).toBeGreaterThan(0)
  })
  it('the cache of identities has room for a token of each client, and keeps no head that a token came in', () => {
    expect(boundsFor(10)).toEqual({ entries: 8_192, characters: 8_388_608 })
    expect(boundsFor(20_000)).toEqual({ entries: 20_000, characters: 20_480_000 })
    expect(boundsFor(100_000)).toEqual({ entries: 100_000, characters: 67_108_864 })
    expect(boundsFor(10_000_000)).toEqual({ entries: 131_072, characters: 67_108_864 })
    const mebibyte = 1_048_576
    // Two generations of 768Mi are 100,000 identities and 48 MiB of tokens; of the chart's limit, two for each client there can be.
    expect(boundsFor(100_000, 768 * mebibyte)).toEqual({ entries: 49_152, characters: 24 * mebibyte })
    expect(boundsFor(16_000, 192 * mebibyte)).toEqual({ entries: 12_288, characters: 6 * mebibyte })
    expect(boundsFor(10, 64 * mebibyte)).toEqual({ entries: 8_192, characters: 4 * mebibyte })
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const cache = createIdentityCache(() => boundsFor(0))
    collect()
    const before = process.memoryUsage().heapUsed
    for (let at = 0; at < 4_000; at++) cache.set(`${at}:`.padEnd(16_000, 'x').slice(0, 300), alice.row as never)
    collect()
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16_000_000)
    expect(cache.get('3999:'.padEnd(300, 'x'))).toBeDefined()
  })
})
