import { once } from 'node:events'
import { request } from 'node:https'

export interface ExchangeOptions {
  /** Certificates (PEM) that are trusted instead of the system's. */
  readonly ca?: string | Buffer
  /** For the whole exchange, milliseconds. */
  readonly timeoutMs: number
  readonly maxBytes: number
  /** Sent by POST; without it, GET. */
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Reads a small document over https. A redirect is an answer like any other: nobody may send us elsewhere.
 * @throws Error on anything but a complete answer within time and size
 */
export async function exchange(url: string, options: ExchangeOptions): Promise<{ status: number; text: string }> {
  const { ca, timeoutMs, maxBytes, body } = options
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', ...length, ...options.headers }
  const signal = AbortSignal.timeout(timeoutMs)
  const method = body === undefined ? 'GET' : 'POST'
  const asking = request(url, { method, headers, signal, ...(ca !== undefined && { ca }) }).end(body)
  // What breaks after the answer began is told by reading it; unheard, the request's own word would end the process.
  asking.on('error', () => {})
  const [answer] = await once(asking, 'response')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    size += chunk.length
    if (size > maxBytes) {
      asking.destroy()
      throw new Error(`the answer is larger than ${maxBytes} bytes`)
    }
    chunks.push(chunk)
  }
  return { status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }
}

/** The JSON object that a text is; undefined when it is anything else. */
export function readObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
