import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import { buffer } from 'node:stream/consumers'

export interface WebAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

/** One request to a replica, with its certificate checked. */
export function get(options: {
  port: number
  ca: string
  path: string
  method?: string
  headers?: Record<string, string>
}): Promise<WebAnswer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', servername: 'issuer.test', agent: false, ...options }, response => {
      buffer(response).then(
        body => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      )
    })
    call.on('error', reject)
    call.end()
  })
}
