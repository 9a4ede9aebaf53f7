import { readFile } from 'node:fs/promises'
import { fail } from './access-error.ts'
import { createDiscovery } from './discovery.ts'
import { exchange, readObject } from './exchange.ts'

export interface CheckOptions {
  /** `namespace/name` of the GuardedService whose policy decides. */
  readonly service: string
  /**
   * File with a service account token whose audience is the issuer URL, or a function that gives one. The service account
   * needs the verb `enforce` on the GuardedService. Default: `/var/run/secrets/latchkey-issuer/token`.
   */
  readonly token?: string | (() => string | Promise<string>)
}

/** A call, or a permission, and the credential that was shown for it. */
export type CheckRequest = {
  /** The Authorization field as it came. */
  readonly authorization?: string
  /** What stood in the header, or the query parameter, of `spec.apiKey`. */
  readonly apiKey?: string
} & (
  | { readonly method: string; readonly path: string }
  | { readonly permission: { readonly action: string; readonly resource: string } }
)

/** What a guard would say. */
export interface CheckResult {
  /** Whether the call is to be let through: allowed, or only logged because of audit mode. */
  readonly pass: boolean
  readonly decision: 'allow' | 'deny'
  /** From the closed list of reasons. */
  readonly reason: string
  /** For the answer to the caller: 200, 400, 401, 403 or 503. */
  readonly status: number
  /** Of a denial: what the caller should do next, and the value of WWW-Authenticate. */
  readonly detail?: string
  readonly missing?: string
  readonly challenge?: string
  /** Who calls, where that is proved and counts now. */
  readonly client?: {
    readonly id: string
    readonly name: string
    readonly subject: string
    readonly key: string
    readonly credential: string
    readonly scopes: readonly string[]
  }
  readonly roles?: readonly string[]
  readonly attributes?: Readonly<Record<string, string>>
  readonly rule?: string
  readonly grant?: string
  readonly route?: string
}

const defaultFile = '/var/run/secrets/latchkey-issuer/token'
/** The issuer's own bounds, and the room that the rest of a body takes. */
const maxChecks = 100
const maxBytes = 130_000
/** No guard reads a longer head. */
const maxCheckBytes = 16_384
const maxAnswerBytes = 1_048_576

const tooLong: CheckResult = {
  ...{ pass: false, decision: 'deny', reason: 'request_malformed', status: 400 },
  detail: 'The request is longer than any guard reads.',
}

export interface Checker {
  check(requests: readonly CheckRequest[]): Promise<readonly CheckResult[]>
}

/** Asks the issuer, in batches as large as it takes. */
export function createChecker(
  options: CheckOptions,
  {
    issuer,
    ca,
    timeoutMs,
  }: { readonly issuer: string; readonly ca?: string | Buffer | undefined; readonly timeoutMs: number },
): Checker {
  const { service, token = defaultFile } = options
  if (!/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/.test(service)) {
    fail('option_invalid', 'check.service must be namespace/name of a GuardedService')
  }
  const trust = { timeoutMs, ...(ca !== undefined && { ca }) }
  const endpoint = createDiscovery(issuer, trust)

  async function ownToken(): Promise<string> {
    if (typeof token === 'function') return token()
    const text = await readFile(token, 'utf8').catch(() => '')
    if (text.trim() !== '') return text.trim()
    return fail(
      'key_missing',
      `There is no service account token at ${token}. Project one whose audience is ${issuer}.`,
    )
  }

  async function send(checks: readonly CheckRequest[]): Promise<readonly CheckResult[]> {
    const url = await endpoint('latchkey_check_endpoint').catch(unavailable)
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${await ownToken()}` }
    const body = JSON.stringify({ service, checks })
    const answer = await exchange(url, { ...trust, headers, body, maxBytes: maxAnswerBytes }).catch(unavailable)
    const said = readObject(answer.text)
    if (answer.status === 200) return resultsOf(said?.results, checks.length) ?? unavailable()
    if (answer.status === 429 || answer.status >= 500) return unavailable()
    const code = typeof said?.code === 'string' ? said.code.replace(/[^a-z_]/g, '?').slice(0, 64) : ''
    return fail(
      'check_refused',
      `The issuer decides nothing for this service: ${answer.status} ${code}. ${hints[answer.status] ?? ''}`,
    )
  }

  return {
    async check(requests) {
      const results: CheckResult[] = requests.map(() => tooLong)
      for (const batch of batchesOf(requests)) {
        const answers = await send(batch.map(at => requests[at] as CheckRequest))
        for (const [index, at] of batch.entries()) results[at] = answers[index] as CheckResult
      }
      return results
    },
  }
}

const hints: Readonly<Record<number, string>> = {
  401: 'The service account token must have the issuer URL as its audience.',
  403: 'Its service account needs the verb enforce on the GuardedService.',
  404: 'There is no such GuardedService.',
}

function unavailable(): never {
  return fail('check_unavailable', 'The issuer decides nothing now. Try again shortly.')
}

/** Positions of requests that go together; what no guard would read is in none. */
function batchesOf(requests: readonly CheckRequest[]): number[][] {
  const batches: number[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const [at, request] of requests.entries()) {
    const size = Buffer.byteLength(JSON.stringify(request)) + 1
    if (size > maxCheckBytes) continue
    const last = batches.at(-1)
    if (last && last.length < maxChecks && bytes + size <= maxBytes) {
      last.push(at)
      bytes += size
    } else {
      batches.push([at])
      bytes = size
    }
  }
  return batches
}

/** @returns undefined unless each of them says what is to be done: a call that nobody decided must not pass */
function resultsOf(value: unknown, count: number): readonly CheckResult[] | undefined {
  if (!Array.isArray(value) || value.length !== count) return undefined
  const isResult = (one: unknown) =>
    typeof one === 'object' && one !== null && 'pass' in one && typeof one.pass === 'boolean' && 'reason' in one
  return value.every(isResult) ? (value as CheckResult[]) : undefined
}
