import { once } from 'node:events'
import { request } from 'node:https'

export interface GetOptions {
  /** Certificates (PEM) that are trusted instead of the system's. */
  readonly ca?: string | Buffer
  /** For the whole exchange, milliseconds. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

/**
 * Reads a small document over https. A redirect is an answer like any other: nobody may send us elsewhere.
 * @throws Error on anything but a complete answer within time and size
 */
export async function getText(url: string, options: GetOptions): Promise<{ status: number; text: string }> {
  const { ca, timeoutMs, maxBytes } = options
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' }
  const signal = AbortSignal.timeout(timeoutMs)
  const asking = request(url, { headers, signal, ...(ca !== undefined && { ca }) }).end()
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
