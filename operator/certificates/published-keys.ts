import { request } from 'node:https'
import { text } from 'node:stream/consumers'
import { isRecord } from '../../core/base/is-record.ts'
import type { Replica } from '../guarded-service/issuer-replicas.ts'

const longestAnswer = 256 * 1_024

/**
 * Asks every replica of the issuer, at its public port, which keys of the issuer's own it publishes.
 * @param options.authorities PEM bundle that signs the issuer's certificate, undefined while there is none
 * @param options.servername name in that certificate: replicas are reached by address
 * @returns the `kid`s that all of them publish; none where there is no replica, or one does not answer
 */
export function createPublishedKeys(options: {
  replicas(): readonly Replica[]
  authorities(): string | undefined
  readonly servername: string
  readonly issuerUrl: string
  readonly timeoutMs?: number
}): () => Promise<ReadonlySet<string>> {
  const path = `${new URL(options.issuerUrl).pathname.replace(/\/$/, '')}/.well-known/jwks.json`

  async function ask({ host, port }: Replica): Promise<Set<string>> {
    const ca = options.authorities()
    if (ca === undefined) throw new Error('there is no certificate authority yet')
    const signal = AbortSignal.timeout(options.timeoutMs ?? 3_000)
    const { servername } = options
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const asked = request({ host, port, path, agent: false, ca, servername, signal }, resolve)
      asked.on('error', reject)
      asked.end()
    })
    if (response.statusCode !== 200) {
      response.destroy()
      throw new Error(`the issuer answered ${response.statusCode}`)
    }
    let length = 0
    response.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > longestAnswer) response.destroy(new Error("the issuer's answer is too long"))
    })
    return kidsOf(await text(response))
  }

  return async () => {
    const answers = await Promise.allSettled(options.replicas().map(ask))
    const sets = answers.map(answer => (answer.status === 'fulfilled' ? answer.value : new Set<string>()))
    const [first = new Set<string>(), ...others] = sets
    return new Set([...first].filter(kid => others.every(set => set.has(kid))))
  }
}

function kidsOf(body: string): Set<string> {
  try {
    const { keys } = JSON.parse(body) as { keys: unknown[] }
    return new Set(keys.flatMap(key => (isRecord(key) && typeof key.kid === 'string' ? [key.kid] : [])))
  } catch {
    return new Set()
  }
}
