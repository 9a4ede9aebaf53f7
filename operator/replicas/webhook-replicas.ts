import { request } from 'node:https'
import type { EndpointSliceOf } from '../sources.ts'
import type { Replica } from './ask-replica.ts'

const defaultPort = 9443

/**
 * The replicas of the webhook that the API server may reach: also those on their way out, to which it may hold
 * connections. One that does not serve yet has read its Secret before it does.
 */
export function servingReplicas(slices: Iterable<EndpointSliceOf>): Replica[] {
  const found = new Map<string, Replica>()
  for (const { endpoints = [], ports = [] } of slices) {
    const port = ports.find(one => one.name === 'webhook')?.port ?? defaultPort
    for (const { addresses, conditions } of endpoints) {
      const host = addresses[0]
      const serves = conditions?.serving ?? conditions?.ready ?? true
      if (host !== undefined && serves) found.set(`${host}:${port}`, { host, port })
    }
  }
  return [...found.values()]
}

/**
 * Asks a replica whether it takes a path, by a request that is no review: where it knows the path it says that reviews
 * are posted, otherwise that there is no such path.
 * @param options.authorities PEM bundle that signs the webhook's certificate, undefined while there is none
 * @param options.servername name in that certificate: replicas are reached by address
 */
export function createPathQuestion(options: {
  authorities(): string | undefined
  servername: string
  timeoutMs?: number
}): (replica: Replica, path: string) => Promise<boolean> {
  const { authorities, servername, timeoutMs = 3_000 } = options
  return (replica, path) =>
    new Promise((resolve, reject) => {
      const ca = authorities()
      if (ca === undefined) return reject(new Error('there is no certificate authority yet'))
      const asked = request(
        { ...replica, path, method: 'HEAD', agent: false, ca, servername, signal: AbortSignal.timeout(timeoutMs) },
        response => {
          response.resume()
          resolve(response.statusCode === 405)
        },
      )
      asked.on('error', reject)
      asked.end()
    })
}
