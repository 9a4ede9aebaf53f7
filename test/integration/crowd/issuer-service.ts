import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import net from 'node:net'

/** Stands where the Service of the issuer's snapshots stands: a connection leads to one of the replicas that serve now. */
export interface IssuerService {
  readonly port: number
  /** Ports of the replicas that serve. */
  lead(ports: readonly number[]): void
  /** Connections that led to a replica so far. */
  led(): number
  close(): Promise<void>
}

/** Each connection comes from an address of its own, as guards of different pods do. */
const addresses = Array.from({ length: 4_000 }, (_, at) => `127.0.${20 + Math.floor(at / 250)}.${1 + (at % 250)}`)

export async function startIssuerService(): Promise<IssuerService> {
  let replicas: readonly number[] = []
  let count = 0
  const open = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, caller => {
    const port = replicas[Math.floor(Math.random() * replicas.length)]
    caller.on('error', () => {})
    if (port === undefined) return void caller.resetAndDestroy()
    const localAddress = addresses[count++ % addresses.length] ?? ''
    const replica = net.connect({ host: '127.0.0.1', port, localAddress, noDelay: true })
    for (const socket of [caller, replica]) {
      open.add(socket)
      socket.on('close', () => open.delete(socket))
    }
    replica.on('error', () => {})
    replica.on('close', () => caller.destroy())
    caller.on('close', () => replica.destroy())
    caller.pipe(replica).pipe(caller)
  })
  server.listen({ port: 0, host: '127.0.0.1', backlog: 2_048 })
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    lead(ports) {
      replicas = ports
    },
    led: () => count,
    async close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
