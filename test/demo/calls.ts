import { kubectl } from './install.ts'

/** One row of the demo's table, as it stands in build/demo.json. */
export interface CallRow {
  readonly call: string
  readonly client: string
  readonly status: number
  readonly reason: string
  readonly millis: number
}

/** What a call must answer. */
export interface Expected {
  readonly status: number
  readonly reason: string
}

/** A call from the caller's pod; `arguments` go to the caller program. */
export interface Call {
  readonly client: string
  readonly arguments: readonly string[]
  readonly method: string
  readonly url: string
}

/** Makes the call with the caller's program inside its pod, so that the network between the pods is the real one. */
export async function callFromPod(call: Call): Promise<CallRow> {
  const text = await kubectl([
    ...['exec', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller', '--'],
    ...['node', '/app/caller.mjs', ...call.arguments, call.method, call.url],
  ])
  const answer = JSON.parse(text.trim().split('\n').at(-1) ?? '') as {
    status: number
    decision?: string
    millis: number
  }
  return {
    call: `${call.method} ${new URL(call.url).pathname}`,
    client: call.client,
    status: answer.status,
    reason: reasonOf(answer.decision),
    millis: Math.round(answer.millis * 10) / 10,
  }
}

/** The word that matters in `Latchkey-Decision: deny; reason=not_granted; by=guard`. */
function reasonOf(decision: string | undefined): string {
  if (decision === undefined) return 'no answer of a guard'
  return /(?:^|;\s*)reason=([a-z_]+)/.exec(decision)?.[1] ?? decision.split(';')[0]?.trim() ?? ''
}

/** Calls until the answer is the expected one, or gives back the last answer after the deadline. */
export async function callUntil(call: Call, expected: Expected, timeoutMs: number): Promise<CallRow> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const row = await callFromPod(call)
    if (matches(row, expected) || performance.now() > deadline) return row
  }
}

export function matches(row: CallRow, expected: Expected): boolean {
  return row.status === expected.status && row.reason === expected.reason
}
