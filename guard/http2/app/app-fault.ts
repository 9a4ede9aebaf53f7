import type { UpstreamFault } from '../../../enforce/respond.ts'

/** For a connection to the app to be there. */
export const connectMs = 5_000

const unreachable = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT'])

/** What an error of a connection to the app means to a caller. */
export function faultOf(error: Error): UpstreamFault {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && unreachable.has(code) ? 'upstream_unreachable' : 'upstream_invalid'
}

/** The error of a connection that did not come about. */
export function failure(code: string): Error {
  return Object.assign(new Error(`the app did not take a connection: ${code}`), { code })
}
