import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { attacks } from './attacks.ts'
import type { CrowdOptions } from './crowd.ts'

// The thread of a crowd: see gather.

const atOnce = 250
const { port, peers, connections, attack, again, token } = workerData as CrowdOptions & { token: string }
const { act, reads } = attacks[attack]
const sockets = new Set<Socket>()

function join(peer: number): Promise<void> {
  return new Promise(resolve => {
    const localAddress = `127.0.0.${peer + 2}`
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true })
    sockets.add(socket)
    socket.on('connect', () => {
      resolve()
      act(socket, token)
    })
    if (reads) socket.resume()
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      resolve()
      if (again) setTimeout(() => void join(peer), 5)
    })
  })
}

parentPort?.on('message', () => parentPort?.postMessage(sockets.size))
const all = Array.from({ length: peers * connections }, (_, at) => at % peers)
for (let at = 0; at < all.length; at += atOnce) await Promise.all(all.slice(at, at + atOnce).map(join))
parentPort?.postMessage(sockets.size)
