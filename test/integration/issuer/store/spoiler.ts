import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Stands before a Redis and hands everything on, but for one answer. */
export interface Spoiler {
  readonly url: string
  /** Puts this before the next answer; the empty text takes that answer away. */
  spoilNext(answer: string): void
  /** How many it has taken. */
  connections(): number
  close(): Promise<void>
}

export async function startSpoiler(redis: string): Promise<Spoiler> {
  const { hostname, port } = new URL(redis)
  const sockets = new Set<Socket>()
  let spoiling: string | undefined
  let connections = 0

  const server = createServer(near => {
    connections++
    const far = connect(Number(port), hostname)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.on('data', (bytes: Buffer) => {
      near.write(spoiled(bytes))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')

  function spoiled(bytes: Buffer): Buffer {
    if (spoiling === undefined) return bytes
    const put = spoiling
    spoiling = undefined
    return put === '' ? bytes.subarray(lengthOfFirst(bytes)) : Buffer.concat([Buffer.from(put), bytes])
  }

  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spoilNext(answer) {
      spoiling = answer
    },
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Of a bulk string, which every answer to a script is. */
function lengthOfFirst(bytes: Buffer): number {
  const [head = '', length = '0'] = /^\$(\d+)\r\n/.exec(bytes.toString('latin1')) ?? []
  return head.length + Number(length) + 2
}
