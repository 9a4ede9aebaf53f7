import { readFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { isRecord } from '../../core/base/is-record.ts'
import type { EnforcementReport } from '../../core/status/judge-enforcement.ts'
import type { EndpointSliceOf } from '../sources.ts'
import type { UsedSince } from '../usage/used-since.ts'
import { readUsedSince } from '../usage/used-since.ts'
import { askReplica, type Replica } from './ask-replica.ts'

const longestAnswer = 64 * 1_048_576

/** The replicas that serve now, each once; those that stop are left out, for their guards go elsewhere. */
export function replicasOf(
  slices: Iterable<EndpointSliceOf>,
  fallbackPort: number,
  portName: 'snapshots' | 'https' = 'snapshots',
): Replica[] {
  const found = new Map<string, Replica>()
  for (const { endpoints = [], ports = [] } of slices) {
    const port = ports.find(one => one.name === portName)?.port ?? fallbackPort
    for (const { addresses, conditions } of endpoints) {
      const host = addresses[0]
      if (host === undefined || conditions?.ready === false || conditions?.terminating) continue
      found.set(`${host}:${port}`, { host, port })
    }
  }
  return [...found.values()]
}

/** Asks replicas what their guards hold, and what they told was used. */
export interface ReplicaClient {
  /** @throws Error without what was sent or answered */
  ask(replica: Replica): Promise<EnforcementReport>
  /** @param after seconds since epoch, by the clock of the replica @throws Error without what was sent or answered */
  used(replica: Replica, after: number): Promise<UsedSince>
  close(): void
}

/**
 * @param options.authorities PEM bundle that signs the issuer's certificate, undefined while there is none
 * @param options.servername name in the issuer's certificate: replicas are reached by address
 */
export function createReplicaClient(options: {
  authorities(): string | undefined
  servername: string
  tokenFile: string
  timeoutMs?: number
  maxBytes?: number
}): ReplicaClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })

  async function getFrom(replica: Replica, path: string): Promise<string> {
    const token = (await readFile(options.tokenFile, 'utf8')).trim()
    const { servername, timeoutMs = 3_000, maxBytes = longestAnswer } = options
    const headers = { authorization: `Bearer ${token}`, accept: 'application/json' }
    return askReplica(replica, path, { ca: options.authorities(), headers, agent, servername, timeoutMs, maxBytes })
  }

  return {
    ask: async replica => readReport(await getFrom(replica, '/v1/enforcement')),
    used: async (replica, after) => readUsedSince(await getFrom(replica, `/v1/usage?after=${after}`)),
    close: () => agent.destroy(),
  }
}

function readReport(body: string): EnforcementReport {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    // The parser's message would quote the answer.
  }
  const { seen, slices } = isRecord(parsed) ? parsed : {}
  if (!isRecord(seen) || !isRecord(slices)) throw new Error('the issuer did not answer with a report')
  return { seen, slices } as unknown as EnforcementReport
}
