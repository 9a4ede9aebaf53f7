import type { IncomingMessage } from 'node:http'
import type { Caller } from './claims.ts'

// Beside the request and not on it, so that no body parser or header can put a caller there.
const callers = new WeakMap<object, Caller>()

export function remember(request: object, caller: Caller): void {
  callers.set(request, caller)
}

/** The caller that the middleware proved. @returns undefined when no middleware of ours let the request through */
export function callerOf(request: object): Caller | undefined {
  return callers.get(request)
}

/** Every value of a header as it was sent: `request.headers` keeps only the first of two Authorization headers. */
export function rawValues(request: IncomingMessage, name: string): string[] {
  const { rawHeaders } = request
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name)
}
