import { setTimeout as wait } from 'node:timers/promises'
import { AccessError, type Fetch, readDecision } from '../../../sdk/index.ts'
import type { Counts } from '../counts.ts'

const patienceMs = 10_000
const mostExamples = 5
/** How a call ends whose kept connection the other side closed as it was sent. */
const closed: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

export interface Load {
  /** How one call is made; what it sends goes through the fetch it is given, so that no answer goes uncounted. */
  readonly way: (fetch: Fetch) => Fetch
  readonly url: string
  /** Calls at a time. */
  readonly loops: number
  /** Between the end of a call and the next one. */
  readonly pauseMs: number
}

export interface RunningLoad {
  counts(): Counts
  /** Until no call is under way. */
  stop(): Promise<void>
}

/**
 * Calls again and again and counts. Each answer on the wire counts, also one that the way of calling would get over by
 * itself: a refused call is a refused call.
 */
export function countCalls({ way, url, loops, pauseMs }: Load): RunningLoad {
  let [calls, repeated, ended, stopping] = [0, 0, false, false]
  const keys: Record<string, number> = {}
  const faults: Record<string, number> = {}
  const examples: string[] = []

  const fault = (reason: string, signedWith = '') => {
    faults[reason] = (faults[reason] ?? 0) + 1
    if (examples.length < mostExamples) examples.push(`${new Date().toISOString()} ${reason}${signedWith}`)
  }
  const counted: Fetch = async (input, init) => {
    const kid = kidOf(new Headers(init?.headers).get('authorization'))
    const answer = await globalThis.fetch(input, init)
    calls++
    keys[kid] = (keys[kid] ?? 0) + 1
    if (answer.status !== 200) fault(refusal(answer), `, signed with ${kid}`)
    return answer
  }
  const send = way(counted)
  const once = async (): Promise<string | undefined> => {
    try {
      await (await send(url, { signal: AbortSignal.timeout(patienceMs) })).arrayBuffer()
      return undefined
    } catch (error) {
      return causeOf(error)
    }
  }
  const loop = async () => {
    while (!stopping) {
      let failure = await once()
      if (failure !== undefined && closed.has(failure)) {
        repeated++
        failure = await once()
      }
      if (failure !== undefined) {
        calls++
        fault(failure)
      }
      await wait(pauseMs)
    }
  }
  const running = Promise.all(Array.from({ length: loops }, loop))
  return {
    counts: () => ({ calls, keys: { ...keys }, faults: { ...faults }, examples: [...examples], repeated, ended }),
    async stop() {
      stopping = true
      await running
      ended = true
    },
  }
}

function refusal(answer: Response): string {
  const decision = readDecision(answer.headers.get('latchkey-decision'))
  return `${answer.status} ${decision?.reason ?? 'without a decision of the guard'}`
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(error: unknown): string {
  if (error instanceof AccessError) return error.code
  const { cause, name } = error as Error & { readonly cause?: { readonly code?: string; readonly message: string } }
  return cause?.code ?? cause?.message ?? name
}

function kidOf(authorization: string | null): string {
  const [header = ''] = authorization?.replace(/^Bearer /, '').split('.') ?? []
  if (header === '') return 'none'
  return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }).kid
}
