import type { ClientRequest, IncomingMessage } from 'node:http'
import { https } from '../../platform/on-demand.ts'

/** Begins a stream; what is said on it is for the caller to write. */
export function openStream(url: string, ca: Buffer, token: string): ClientRequest {
  const request = https().request(new URL('/v1/snapshots', url), {
    method: 'POST',
    ca,
    minVersion: 'TLSv1.2',
    // A connection of its own: it lives as long as the stream.
    agent: false,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/x-ndjson',
      'transfer-encoding': 'chunked',
    },
  })
  request.setNoDelay(true)
  request.setSocketKeepAlive(true, 30_000)
  return request
}

/** A status other than 200: the code of the problem body is worth telling, its text is not needed. */
export function readRefusal(
  response: IncomingMessage,
  end: (why: string, more: { readonly retryAfterMs?: number }) => void,
): void {
  let body = ''
  response.setEncoding('utf8')
  response.on('data', (text: string) => {
    if (body.length < 4_096) body += text
  })
  response.on('close', () => {
    const code = /"code"\s*:\s*"([a-z_]{1,64})"/.exec(body)?.[1]
    const { statusCode = 0, headers } = response
    const seconds = /^\d{1,4}$/.exec(headers['retry-after'] ?? '')?.[0]
    const more = seconds === undefined ? {} : { retryAfterMs: Number(seconds) * 1_000 }
    end(`the issuer answered ${statusCode}${code ? ` ${code}` : ''}`, more)
  })
}
