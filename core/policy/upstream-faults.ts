/** Faults behind the guard: the call was allowed, and the app did not answer. */
export const upstreamFaults = {
  upstream_unreachable: {
    status: 502,
    detail: 'The app behind the guard does not take connections. Try again shortly.',
  },
  upstream_invalid: {
    status: 502,
    detail: 'The app behind the guard broke off its answer or sent one that is not HTTP.',
  },
  upstream_busy: {
    status: 503,
    detail: 'The app behind the guard has as many calls under way as the guard gives it. Try again shortly.',
  },
  upstream_timeout: { status: 504, detail: 'The app behind the guard did not answer in time.' },
} as const
export type UpstreamFault = keyof typeof upstreamFaults
