import { execFileSync } from 'node:child_process'
import { write } from 'node:fs'
import { mkdtemp, open, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { AuditEntry } from '../../core/audit/audit-entry.ts'
import { createAudit } from '../../enforce/report/audit.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { alice } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { startApp, startGuard } from './rig.ts'

const cleanups: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const entry: AuditEntry = {
  v: 1,
  time: '2026-01-01T00:00:00.000Z',
  decision: 'allow',
  reason: 'granted',
  revision: 'abc',
  service: 'shop/orders',
  requestId: 'r',
  peer: '127.0.0.1',
  durationMs: 1,
}

describe('an audit line', () => {
  it('is one JSON object on one line, with all that was decided and nothing secret', async () => {
    const app = await startApp()
    const rig = await startGuard(app.port)
    cleanups.push(app.close, rig.close)
    const token = alice.token()
    await sendRaw(
      rig.port,
      `GET /api/things?secret=hush HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\nX-Request-Id: r-1\r\nCookie: session=hush\r\n\r\n`,
    )
    const [line] = await rig.audit()
    expect(line).toEqual({
      v: 1,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      decision: 'allow',
      reason: 'granted',
      rule: 'role/caller#0',
      grant: 'alice-calls',
      revision: rig.policy.snapshot()?.revision,
      client: 'callers/alice',
      clientId: alice.clientId,
      key: alice.key.kid,
      subject: alice.clientId,
      method: 'GET',
      path: '/api/things',
      service: 'shop/orders',
      requestId: 'r-1',
      peer: '127.0.0.1',
      status: 200,
      durationMs: expect.any(Number),
    })
    const everything = JSON.stringify([line, rig.log, await rig.metrics()])
    expect(everything).not.toContain('hush')
    expect(everything).not.toContain(token.split('.')[2])
  })
  it('is written for each call, none is left out', async () => {
    const app = await startApp()
    const rig = await startGuard(app.port)
    cleanups.push(app.close, rig.close)
    await Promise.all(
      Array.from({ length: 200 }, (_, at) => sendRaw(rig.port, `GET /api/${at} HTTP/1.1\r\nHost: orders\r\n\r\n`)),
    )
    expect(new Set((await rig.audit(200)).map(({ path }) => path)).size).toBe(200)
  })
})

describe('F14 a sink', () => {
  it('that blocks costs lines, which are counted, and nobody waits', async () => {
    const pipe = join(await mkdtemp(join(tmpdir(), 'audit-')), 'pipe')
    execFileSync('mkfifo', [pipe])
    const reader = await open(pipe, 'r+')
    cleanups.push(() => reader.close())
    let dropped = 0
    const audit = await createAudit({
      sink: pipe,
      onDropped: lines => {
        dropped += lines
      },
      log: createQuietLog().log,
    })
    const long = { ...entry, path: 'x'.repeat(1_000) }
    for (let at = 0; at < 20_000; at++) audit.record(long)
    expect(dropped).toBeGreaterThan(5_000)
    // Unblocks the write that waits, or the process could not end.
    const sink = Buffer.alloc(1_048_576)
    for (let bytes = 0; bytes < 7_000_000; ) bytes += (await reader.read(sink, 0, sink.length)).bytesRead
    await audit.flush(200)
  })
  it('that fails is told once and forgotten lines are counted', async () => {
    const { log, lines } = createQuietLog()
    let dropped = 0
    const audit = await createAudit({
      sink: '/dev/full',
      onDropped: count => {
        dropped += count
      },
      log,
    })
    audit.record(entry)
    await expect.poll(() => dropped).toBe(1)
    audit.record(entry)
    await expect.poll(() => dropped).toBe(2)
    expect(lines.filter(({ msg }) => String(msg).includes('audit lines cannot be written'))).toHaveLength(1)
    await audit.flush(10)
  })
  it('that cannot be opened stops the start', async () => {
    await expect(
      createAudit({ sink: '/no/such/folder/audit', onDropped: () => {}, log: createQuietLog().log }),
    ).rejects.toThrow('ENOENT')
  })
  it('keeps what was there', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'audit-')), 'audit.log')
    for (let turn = 0; turn < 2; turn++) {
      const audit = await createAudit({ sink: file, onDropped: () => {}, log: createQuietLog().log })
      audit.record(entry)
      await audit.flush(500)
    }
    expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(3)
  })

  /** A file system that is full after so many bytes until `free` is called. */
  function fullAfter(room: number) {
    let left = room
    const limited = ((fd: number, bytes: Buffer, from: number, length: number, _at: null, done: typeof taken) => {
      if (left === 0) return void setImmediate(done, Object.assign(new Error('full'), { code: 'ENOSPC' }), 0)
      const most = Math.min(length, left)
      left -= most
      write(fd, bytes, from, most, null, done)
    }) as typeof write
    const taken = (_error: Error | null, _written: number): void => {}
    return {
      write: limited,
      free() {
        left = Number.POSITIVE_INFINITY
      },
    }
  }
  const lineBytes = JSON.stringify(entry).length + 1

  it.each([
    ['in the middle of the second of three lines', lineBytes + 20, 2, ['r', 'cut', 'later']],
    ['in the middle of the first line', 20, 3, ['cut', 'later']],
    ['between two lines', lineBytes, 2, ['r', 'later']],
    ['before the end of the second line', 2 * lineBytes - 1, 2, ['r', 'r', 'later']],
    ['from the beginning', 0, 3, ['later']],
  ])('that is full %s loses what is not whole, and goes on on a new line', async (_where, room, lost, expected) => {
    const file = join(await mkdtemp(join(tmpdir(), 'audit-')), 'audit.log')
    const disk = fullAfter(room)
    let dropped = 0
    const onDropped = (lines: number): void => {
      dropped += lines
    }
    const audit = await createAudit({ sink: file, onDropped, log: createQuietLog().log, write: disk.write })
    for (let line = 0; line < 3; line++) audit.record(entry)
    await expect.poll(() => dropped).toBe(lost)
    disk.free()
    audit.record({ ...entry, requestId: 'later' })
    await audit.flush(1_000)
    expect(dropped).toBe(lost)
    expect((await readFile(file, 'utf8')).split('\n').slice(0, -1).map(idOf)).toEqual(expected)
  })
  const idOf = (line: string): string => {
    try {
      return JSON.parse(line).requestId
    } catch {
      return 'cut'
    }
  }
  it('that is full for a moment has every line once it is not, when none may be lost', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'audit-')), 'audit.log')
    const disk = fullAfter(lineBytes + 20)
    const onDropped = (): void => expect.unreachable()
    const audit = await createAudit({
      sink: file,
      onBlock: 'Deny',
      onDropped,
      log: createQuietLog().log,
      write: disk.write,
    })
    for (let line = 0; line < 3; line++) audit.record(entry)
    await expect.poll(() => audit.isBlocked()).toBe(true)
    disk.free()
    await audit.flush(1_000)
    expect((await readFile(file, 'utf8')).split('\n').slice(0, -1).map(idOf)).toEqual(['r', 'r', 'r'])
  })
  it('that an earlier guard left in the middle of a line goes on on a new one', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'audit-')), 'audit.log')
    await writeFile(file, '{"v":1,"ti')
    const audit = await createAudit({ sink: file, onDropped: () => {}, log: createQuietLog().log })
    audit.record(entry)
    await audit.flush(500)
    expect((await readFile(file, 'utf8')).split('\n').slice(0, -1).map(idOf)).toEqual(['cut', 'r'])
  })
})
