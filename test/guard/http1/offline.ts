import type { Socket } from 'node:net'
import type { AuditEntry } from '../../../core/audit/audit-entry.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import { createDecisionPoint } from '../../../enforce/authorize.ts'
import { createIdentityCache } from '../../../enforce/identity-cache.ts'
import { createPolicy } from '../../../enforce/policy/policy.ts'
import { createSlice } from '../../../enforce/policy/slice.ts'
import { createGuardMetrics } from '../../../enforce/report/metrics.ts'
import { createReporter } from '../../../enforce/report/report.ts'
import { serveCaller } from '../../../guard/http1/caller.ts'
import type { CallerConnection, ListenerContext } from '../../../guard/http1/caller-state.ts'
import { createTunnels } from '../../../guard/open-calls/tunnels.ts'
import type { Upstream, UpstreamOwner } from '../../../guard/upstream/state.ts'
import { newUpstream, takeBytes } from '../../../guard/upstream/upstream.ts'
import { systemClock as clock } from '../../../platform/clock.ts'
import { createBudget, type Place } from '../../../platform/fair/budget.ts'
import { createTurns } from '../../../platform/fair/turns.ts'
import type { OnRead } from '../../../platform/wire/connection/reading.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { rowsOf, service } from '../policy-rows.ts'

/** All that came out of the data path when bytes went in. */
export interface Outcome {
  /** What each request to the app was, byte for byte. */
  readonly toApp: string[]
  readonly toCaller: string
  readonly ended: boolean
  readonly audit: string[]
}

const policy = createPolicy(clock)
const slice = createSlice(policy)
const rows = rowsOf()
slice.take({ full: { rows }, seen: { apiclients: '1' }, hash: sliceHash(rows) })
const decisions = createDecisionPoint({
  policy,
  cache: createIdentityCache(() => ({ entries: 64, characters: 65_536 })),
  now: () => Math.floor(Date.now() / 1_000),
})
const metrics = createGuardMetrics(policy)

/** Stands for the kernel's side of a connection: keeps what is written, and never blocks. */
function wire() {
  const handlers = new Map<string, () => void>()
  const state = { written: '', ended: false, destroyed: false }
  const socket = {
    state,
    writable: true,
    writableNeedDrain: false,
    writableLength: 0,
    get destroyed() {
      return state.destroyed
    },
    on: (event: string, handler: () => void) => handlers.set(event, handler),
    once: () => {},
    write(data: string | Buffer) {
      state.written += typeof data === 'string' ? data : data.toString('latin1')
      return true
    },
    end() {
      state.ended = true
    },
    destroy() {
      if (state.destroyed) return
      state.destroyed = true
      handlers.get('close')?.()
    },
    _write() {},
    cork() {},
    uncork() {},
    pause() {},
    resume() {},
    isPaused: () => false,
    setKeepAlive() {},
  }
  return { state, socket: socket as unknown as Socket, close: () => handlers.get('end')?.() }
}

const owner: UpstreamOwner = { tick: () => 0, onIdle() {}, onTunnel() {}, idleTicks: () => 10 }

/** The data path without sockets: the same code, fed by hand. */
function connectOffline(caller: Socket, openApp: () => Socket) {
  const apps: Upstream[] = []
  const audit: AuditEntry[] = []
  const reporter = createReporter({
    audit: { record: (entry: AuditEntry) => void audit.push(entry), flush: async () => {} } as never,
    metrics,
    service,
    clock,
  })
  const atOnce = createTurns(
    { sliceMs: Number.POSITIVE_INFINITY, perPeer: 1, sum: 1 },
    { clock, log: createQuietLog().log },
  )
  const plenty = { sum: 1_000_000_000, perPeer: 1_000_000_000 }
  const memory = createBudget(plenty)
  const listener: ListenerContext = {
    policy,
    decisions,
    reporter,
    tunnels: createTunnels({ reporter, metrics }),
    clock,
    log: createQuietLog().log,
    limits: { head: 10, idle: 10, bodyIdle: 10, unread: 10 },
    callers: new Set<CallerConnection>(),
    memory,
    lingering: createBudget(plenty),
    proofs: atOnce,
    turns: atOnce,
    onHttp2: undefined,
    // There are no turns: what is to be sent is sent at once.
    outbox: { add: sender => sender.send() },
    tick: 0,
    draining: false,
    upstreams: {
      sweep() {},
      size: () => apps.length,
      closeAll() {},
      leave() {},
      touch() {},
      takeNew: () => undefined,
      take(handler, method, asksSwitch) {
        const upstream = Object.assign(newUpstream(openApp(), 0), { connected: true, handler, method, asksSwitch })
        apps.push(upstream)
        return upstream
      },
    },
  }
  let read: OnRead = () => true
  const address = '127.0.0.1'
  const place = memory.enter(address, 1, () => {}) as Place
  serveCaller(listener, { socket: caller, address, key: address, seat: place, place, cost: 1 }, onRead => {
    read = onRead
    return caller
  })
  return { apps, audit, read: (bytes: Buffer) => read(bytes.length, bytes), held: () => place.amount - 1 }
}

/** A connection whose both ends are a test's. */
export function startOffline({ caller, app }: { caller: Socket; app: Socket }) {
  const { apps, read, held } = connectOffline(caller, () => app)
  return {
    read,
    /** What the budget of memory was told to be held for it. */
    held,
    answer(bytes: Buffer): void {
      const upstream = apps.at(-1)
      if (upstream?.handler || upstream?.tunnel) takeBytes(upstream, bytes, bytes.length, owner)
    },
  }
}

/** All that comes out when these pieces go in. Each whole request is answered by `answers`. */
export function feed(pieces: readonly Buffer[], answers: readonly Buffer[]): Outcome {
  const caller = wire()
  const written: (() => string)[] = []
  const { apps, audit, read } = connectOffline(caller.socket, () => {
    const app = wire()
    written.push(() => app.state.written)
    return app.socket
  })
  for (const piece of pieces) {
    if (caller.state.destroyed) break
    read(piece)
    for (let app = apps.at(-1); app?.sent && app.handler; app = apps.at(-1)) {
      for (const answer of answers) takeBytes(app, answer, answer.length, owner)
      if (app.handler) break
    }
  }
  return {
    toApp: written.map(text => joinChunks(steady(text()))),
    toCaller: steady(caller.state.written),
    ended: caller.state.ended || caller.state.destroyed,
    audit: audit.map(lineOf),
  }
}

/** How data is cut into chunks depends on how it came; what they hold together does not. */
function joinChunks(message: string): string {
  const [head = '', ...rest] = message.split(/(?<=\r\n\r\n)/)
  if (!head.includes('Transfer-Encoding: chunked')) return message
  let [left, data] = [rest.join(''), '']
  for (let size = Number.parseInt(left, 16); size > 0; size = Number.parseInt(left, 16)) {
    const start = left.indexOf('\r\n') + 2
    data += left.slice(start, start + size)
    left = left.slice(start + size + 2)
  }
  return `${head}${data}|${left}`
}

/** What was no request is refused when it is seen: how much of it was there then depends on the split. */
function lineOf({ decision, reason, method, path, status }: AuditEntry): string {
  const what = reason === 'request_malformed' ? [] : [method, path]
  return [decision, reason, ...what, status].join(' ')
}

/** Without what differs by itself from one run to the next, or with the moment of a refusal. */
function steady(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID')
    .replace(/Date: [^\r]*/g, 'Date')
    .replace(/"detail":"[^"]*"/g, 'DETAIL')
    .replace(/Content-Length: \d{3}\r/g, 'LENGTH\r')
}

/** Cuts bytes at these places, each taken modulo the length. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map(place => (bytes.length === 0 ? 0 : place % bytes.length)))].sort((a, b) => a - b)
  return [0, ...at]
    .map((from, index) => bytes.subarray(from, at[index] ?? bytes.length))
    .filter(({ length }) => length > 0)
}
