// Outside this repository: import { createFetch, … } from '@latchkey/sdk'
import { createFetch, type Fetch, serviceAudience, tokenProvider } from '../../../sdk/index.ts'
import type { CallerArguments } from './arguments.ts'

/** One line of output. */
export interface CallResult {
  readonly status: number
  /** The header `Latchkey-Decision`: who decided, and why. */
  readonly decision?: string
  readonly millis: number
  readonly body: unknown
}

/** A fetch that carries this client's token, or a plain one. */
export function callerFetch({ key, audience, withToken }: CallerArguments): Fetch {
  if (!withToken) return globalThis.fetch
  const provider = tokenProvider(key === undefined ? {} : { directory: key })
  return createFetch(provider, { audience: url => audience ?? serviceAudience(url) })
}

/** Makes one call and measures it up to the end of the answer. @throws AccessError; whatever fetch throws */
export async function call(fetch: Fetch, { method, url, body }: CallerArguments): Promise<CallResult> {
  const started = performance.now()
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(url, { method, ...(body !== undefined && { body, headers }) })
  const text = await answer.text()
  const millis = Math.round((performance.now() - started) * 100) / 100
  const decision = answer.headers.get('latchkey-decision')
  return { status: answer.status, ...(decision !== null && { decision }), millis, body: parsed(text) }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
