import { isRecord } from '../../core/base/is-record.ts'
import { askReplica, type Replica } from './ask-replica.ts'

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

  async function ask(replica: Replica): Promise<Set<string>> {
    const { servername, timeoutMs = 3_000 } = options
    const ca = options.authorities()
    return kidsOf(await askReplica(replica, path, { ca, servername, timeoutMs, maxBytes: longestAnswer }))
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
