import dns from 'node:dns'
import { once } from 'node:events'
import net from 'node:net'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { createPolicy } from '../../enforce/policy/policy.ts'
import { createSlice } from '../../enforce/policy/slice.ts'
import { createSnapshotClient, type SnapshotClient } from '../../enforce/policy/snapshot-client.ts'
import { systemClock } from '../../platform/clock.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { type FrameServer, full, startFrameServer } from './frame-server.ts'
import { rowsOf, service } from './policy-rows.ts'
import { until } from './until.ts'

let issuer: FrameServer
let client: SnapshotClient | undefined
const rows = rowsOf()
const without = rows.filter(row => row.type !== 'grant')

beforeAll(async () => {
  issuer = await startFrameServer()
})
afterEach(() => {
  client?.stop()
  vi.restoreAllMocks()
})
afterAll(() => issuer.close())

/** What the issuer's name means from now on: an address, or the resolver's fault. */
function resolve(to: { readonly address: string } | { readonly fault: string }): { asked(): number } {
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation(((
    name: string,
    options: { all?: boolean },
    done: (error: Error | null, found?: unknown, family?: number) => void,
  ) => {
    if ('fault' in to) return done(Object.assign(new Error(`getaddrinfo ${to.fault} ${name}`), { code: to.fault }))
    if (options.all) return done(null, [{ address: to.address, family: 4 }])
    done(null, to.address, 4)
  }) as unknown as typeof dns.lookup)
  const before = lookup.mock.calls.length
  return { asked: () => lookup.mock.calls.length - before }
}

/** Stands at another address of this machine and leads to the issuer. */
async function standIn(address: string, port: number): Promise<net.Server> {
  const server = net.createServer(caller => {
    const to = net.connect(port, '127.0.0.1')
    for (const socket of [caller, to]) socket.on('error', () => {})
    caller.pipe(to).pipe(caller)
  })
  server.listen(port, address)
  await once(server, 'listening')
  return server
}

it.each(['ENOTFOUND', 'EAI_AGAIN'])(
  'F30 while the name of the issuer leads nowhere (%s) the last policy stays; where it leads elsewhere then, the guard follows',
  async fault => {
    const elsewhere = await standIn('127.0.0.9', Number(new URL(issuer.url).port))
    issuer.streams.splice(0)
    issuer.serve(stream => stream.send(full(rows, { a: '1' })))
    const { log, lines } = createQuietLog()
    const policy = createPolicy(systemClock)
    const held = () => policy.snapshot()?.hash
    resolve({ address: '127.0.0.1' })
    client = createSnapshotClient({
      ...{ url: issuer.url, caFile: issuer.caFile, tokenFile: issuer.tokenFile, service, version: 'test' },
      ...{ slice: createSlice(policy), findings: () => ({}), used: () => [], onTaken: () => {}, onConnected: () => {} },
      ...{ clock: systemClock, log, backoff: { minMs: 10, maxMs: 50 } },
    })
    client.start()
    await until(() => held() !== undefined)
    const before = held()

    const nowhere = resolve({ fault })
    issuer.serve(stream => stream.send(full(without, { a: '2' })))
    issuer.streams[0]?.cut()
    await until(() => nowhere.asked() > 3)
    expect([held(), policy.unfit()]).toEqual([before, undefined])
    expect(JSON.stringify(lines)).toContain(`the connection failed: ${fault}`)

    resolve({ address: '127.0.0.9' })
    await until(() => held() !== before)
    client.stop()
    elsewhere.close()
  },
)
