import { type Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'

/** Where one replica of a process of ours is reached. */
export interface Replica {
  readonly host: string
  readonly port: number
}

export interface Question {
  /** PEM bundle that signs the replica's certificate, undefined while there is none. */
  readonly ca: string | undefined
  /** Name in that certificate: replicas are reached by address. */
  readonly servername: string
  readonly headers?: Readonly<Record<string, string>>
  /** A connection of its own where there is none. */
  readonly agent?: Agent
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** @returns the body of a 200 @throws Error without what was sent or answered */
export async function askReplica(replica: Replica, path: string, question: Question): Promise<string> {
  const { ca, servername, headers, agent = false, timeoutMs, maxBytes } = question
  if (ca === undefined) throw new Error('there is no certificate authority yet')
  const signal = AbortSignal.timeout(timeoutMs)
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const asked = request({ ...replica, path, headers, agent, ca, servername, signal }, resolve)
    asked.on('error', reject)
    asked.end()
  })
  if (response.statusCode !== 200) {
    // Its end need not come, and the next question would wait for that.
    response.destroy()
    throw new Error(`the issuer answered ${response.statusCode}`)
  }
  let length = 0
  response.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length > maxBytes) response.destroy(new Error("the issuer's answer is too long"))
  })
  return text(response)
}
