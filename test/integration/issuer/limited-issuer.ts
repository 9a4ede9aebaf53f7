import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { parse } from 'yaml'
import { bundle } from '../../../bundling/bundle.ts'
import { type LimitedProcess, startLimited } from '../../cluster/limited-process.ts'
import { connectGuard } from './guard.ts'
import type { World } from './world.ts'

export type Port = 'public' | 'snapshots' | 'health'

/** An issuer as it ships, with the chart's limit of memory. */
export interface LimitedIssuer {
  readonly process: LimitedProcess
  readonly ports: Readonly<Record<Port, number>>
  /** What it counted as over a limit, by server and limit. */
  limits(): Promise<string>
  stop(): Promise<void>
}

export async function startLimitedIssuer(world: World): Promise<LimitedIssuer> {
  const directory = await mkdtemp(join(tmpdir(), 'issuer-'))
  await bundle('issuer', directory)
  const values = parse(readFileSync(new URL('../../../charts/latchkey/values.yaml', import.meta.url), 'utf8'))
  const limited = await startLimited({
    command: process.execPath,
    args: [join(directory, 'issuer.mjs')],
    mebibytes: Number.parseInt(values.issuer.resources.limits.memory, 10),
    upWith: '"loaded"',
    env: {
      ...world.environment,
      NODE_OPTIONS: values.issuer.nodeOptions,
      LATCHKEY_KUBECONFIG: world.plane.kubeconfig,
      LATCHKEY_LOG_LEVEL: 'info',
    },
  })
  const lines = limited.said().map(line => JSON.parse(line) as { msg: string; server: string; port: number })
  const port = (name: Port) => lines.find(({ msg, server }) => msg === 'listening' && server === name)?.port ?? 0
  const ports = { public: port('public'), snapshots: port('snapshots'), health: port('health') }
  return {
    process: limited,
    ports,
    async limits() {
      const text = await (await fetch(`http://127.0.0.1:${ports.health}/metrics`)).text()
      return text
        .split('\n')
        .filter(line => line.startsWith('latchkey_http_limits_hit_total'))
        .join('\n')
    },
    async stop() {
      await limited.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Connections that never come to an end by themselves, and how many of them were ended. */
export interface Strangers {
  readonly sockets: readonly net.Socket[]
  closed(): number
  leave(): void
}

/**
 * Opens many connections, of so many addresses of loopback, that begin and do not go on.
 * @param begin what one does when it is connected
 */
export async function openStrangers(
  port: number,
  { count, addresses, begin }: { count: number; addresses: number; begin(socket: net.Socket): void },
): Promise<Strangers> {
  const sockets: net.Socket[] = []
  let closed = 0
  for (let opened = 0; opened < count; ) {
    const batch = Array.from({ length: Math.min(100, count - opened) }, (_, index) => {
      const address = 10 + ((opened + index) % addresses)
      const socket = net.connect({ host: '127.0.0.1', port, localAddress: `127.0.1.${address}` })
      socket.on('error', () => {})
      socket.on('close', () => closed++)
      socket.on('connect', () => begin(socket))
      sockets.push(socket)
      return new Promise<void>(resolve => socket.once('connect', () => resolve()).once('close', () => resolve()))
    })
    await Promise.all(batch)
    opened += batch.length
  }
  return {
    sockets,
    closed: () => closed,
    leave() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A TLS hello that stops in its middle: a record of 512 bytes of which four came. */
export const halfHello = Buffer.from('16030102000100', 'hex')
const halfHead = `GET / HTTP/1.1\r\nHost: a\r\nX-Fill: ${'x'.repeat(15_000)}`

/** What a connection of a port can stop in. */
export const phases: Readonly<Record<string, { ports: readonly Port[]; begin(socket: net.Socket): void }>> = {
  silence: { ports: ['public', 'snapshots', 'health'], begin: socket => void socket.resume() },
  'half a hello': { ports: ['public', 'snapshots'], begin: socket => void socket.resume().write(halfHello) },
  'half a head': { ports: ['health'], begin: socket => void socket.resume().write(halfHead) },
  'half a head behind TLS': { ports: ['public', 'snapshots'], begin: sayBehindTls(() => halfHead) },
}

/** Shakes hands and says it. */
export function sayBehindTls(text: () => string): (socket: net.Socket) => void {
  return socket => {
    const secure = tls.connect({ socket, rejectUnauthorized: false })
    secure.on('error', () => {})
    secure.on('secureConnect', () => secure.resume().write(text()))
  }
}

/** Asks every port as those do who have a right to, and throws when one does not answer. */
export async function askAll(issuer: LimitedIssuer, world: World, token: string): Promise<void> {
  const { ports } = issuer
  const health = await fetch(`http://127.0.0.1:${ports.health}/livez`, { signal: AbortSignal.timeout(10_000) })
  if (health.status !== 200) throw new Error(`health answered ${health.status}`)
  await new Promise<void>((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: ports.public, servername: 'issuer.test', ca: world.ca }, () =>
      socket.write('GET /nothing HTTP/1.1\r\nHost: issuer.test\r\nConnection: close\r\n\r\n'),
    )
    socket.setTimeout(10_000, () => socket.destroy(new Error('the public port did not answer in time')))
    socket.once('data', data => (String(data).startsWith('HTTP/1.1 404') ? resolve() : reject(new Error(String(data)))))
    socket.once('error', reject)
  })
  const guard = await connectGuard({ port: ports.snapshots, ca: world.ca, token, slice: 'shop/orders' })
  await guard.until(frame => 'full' in frame, 10_000)
  guard.close()
}
