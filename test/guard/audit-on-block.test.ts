import { execFileSync } from 'node:child_process'
import { constants } from 'node:fs'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { AuditEntry } from '../../core/audit/audit-entry.ts'
import { type Audit, createAudit } from '../../enforce/report/audit.ts'
import type { OnBlock } from '../../enforce/report/while-recorded.ts'
import type { GuardOptions } from '../../guard/guard.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { type RawAnswer, sendRaw } from './raw-socket.ts'
import { type App, listen, type Rig, startApp, startGuard } from './rig.ts'

let app: App
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const filler: AuditEntry = {
  v: 1,
  time: '2026-01-01T00:00:00.000Z',
  decision: 'allow',
  reason: 'granted',
  revision: 'abc',
  path: 'x'.repeat(1_000),
  service: 'shop/orders',
  requestId: 'r',
  peer: '127.0.0.1',
  durationMs: 1,
}

interface Pipe {
  readonly audit: Audit
  readonly dropped: () => number
  /** Takes what is in the pipe until nothing waits behind it. */
  drain(): Promise<void>
}

/** An audit log whose sink is a pipe that nobody reads; full as far as calls may come. */
async function fullPipe(onBlock: OnBlock): Promise<Pipe> {
  const folder = await mkdtemp(join(tmpdir(), 'audit-'))
  const path = join(folder, 'pipe')
  execFileSync('mkfifo', [path])
  const reader = await open(path, constants.O_RDWR | constants.O_NONBLOCK)
  let dropped = 0
  const onDropped = (lines: number): void => {
    dropped += lines
  }
  const audit = await createAudit({ sink: path, onBlock, onDropped, log: createQuietLog().log })
  // What is handed to the pipe blocks there; what follows waits, until there is no more room.
  for (let turns = 0; turns < 5; turns++) {
    while (!audit.isBlocked()) audit.record(filler)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  cleanups.push(async () => {
    await drained(reader, audit)
    await audit.flush(1_000)
    await reader.close()
    await rm(folder, { recursive: true })
  })
  return { audit, dropped: () => dropped, drain: () => drained(reader, audit) }
}

async function drained(reader: FileHandle, audit: Audit): Promise<void> {
  const bytes = Buffer.alloc(1_048_576)
  for (let quiet = 0; quiet < 10 || audit.isBlocked(); quiet++) {
    const { bytesRead } = await reader.read(bytes, 0, bytes.length).catch(() => ({ bytesRead: 0 }))
    if (bytesRead > 0) quiet = 0
    else await new Promise(resolve => setTimeout(resolve, 5))
  }
}

async function guardBefore(
  port: number,
  options: Partial<GuardOptions> & { rows?: ReturnType<typeof rowsOf> },
): Promise<Rig> {
  const rig = await startGuard(port, options)
  cleanups.push(rig.close)
  return rig
}

async function ask(rig: Rig, target = '/api/things', token = alice.token()): Promise<RawAnswer> {
  return sendRaw(rig.port, `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`)
}

describe('Deny, while the audit sink takes no lines', () => {
  it('answers every call 503 audit_unavailable at once, and calls pass again when there is room', async () => {
    const { audit, drain } = await fullPipe('Deny')
    const rig = await guardBefore(app.port, { audit, auditOnBlock: 'Deny' })
    app.seen.splice(0)
    for (const answer of [await ask(rig), await ask(rig, '/open/x'), await ask(rig, '/api/x', bob.token())]) {
      expect(answer.status).toBe(503)
      expect(answer.headers['retry-after']).toEqual(['1'])
      expect(answer.headers['latchkey-decision']).toEqual(['deny; reason=audit_unavailable; by=guard'])
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'audit_unavailable', status: 503 })
    }
    expect((await ask(rig, '/api/../x')).status).toBe(400)
    expect(app.seen).toEqual([])
    const counted = 'latchkey_guard_decisions_total{decision="deny",reason="audit_unavailable"} 3'
    expect(await rig.metrics()).toContain(counted)
    await drain()
    expect((await ask(rig)).status).toBe(200)
  })

  it('lets nothing through in audit mode either: it would pass unrecorded', async () => {
    const { audit } = await fullPipe('Deny')
    const rows = rowsOf({ service: { mode: 'Audit' } })
    const rig = await guardBefore(app.port, { audit, auditOnBlock: 'Deny', rows })
    expect((await ask(rig)).status).toBe(503)
  })

  it('tries a failed write again, loses no line by it, and takes calls when it has succeeded', async () => {
    const { log, lines } = createQuietLog()
    let dropped = 0
    const onDropped = (count: number): void => {
      dropped += count
    }
    const audit = await createAudit({ sink: '/dev/full', onBlock: 'Deny', onDropped, log })
    audit.record(filler)
    await new Promise(resolve => setTimeout(resolve, 250))
    expect([audit.isBlocked(), dropped]).toEqual([true, 0])
    expect(lines.filter(({ msg }) => msg === 'audit lines cannot be written')).toHaveLength(1)
    await audit.flush(10)
  })

  it('closes no tunnel because of it, and still those that policy closes', async () => {
    const server = createServer()
    const sockets = new WebSocketServer({ server })
    const socketApp = await listen(server)
    cleanups.push(async () => {
      for (const client of sockets.clients) client.terminate()
      await socketApp.close()
    })
    let full = false
    const audit: Audit = { record: () => {}, isBlocked: () => full, flush: async () => {} }
    const rig = await guardBefore(socketApp.port, { audit, auditOnBlock: 'Deny' })
    const socket = new WebSocket(`ws://127.0.0.1:${rig.port}/api/socket`, {
      headers: { authorization: `Bearer ${alice.token()}` },
    })
    await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject))
    const closed = new Promise(resolve => socket.on('close', resolve))
    full = true
    // A change of policy has every tunnel asked again.
    rig.apply(rowsOf({ service: { maxStalenessSeconds: 3_600 } }))
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(socket.readyState).toBe(WebSocket.OPEN)
    rig.apply(rowsOf({ alice: { suspended: true } }))
    await closed
  })
})

describe('Count, while the audit sink takes no lines', () => {
  it('lets calls pass and counts the lines that are lost', async () => {
    const { audit, dropped } = await fullPipe('Count')
    const rig = await guardBefore(app.port, { audit })
    app.seen.splice(0)
    for (let line = 0; dropped() === 0 && line < 20_000; line++) audit.record(filler)
    const before = dropped()
    // Shorter lines may still find a place.
    await ask(rig, `/api/${'y'.repeat(1_000)}`)
    expect([app.seen.length, dropped()]).toEqual([1, before + 1])
  })
})
