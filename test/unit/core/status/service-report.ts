import type { ServiceReport } from '../../../../core/status/judge-enforcement.ts'

/** Of a service whose two pods hold what they should. */
export function serviceReport(change: Partial<ServiceReport> = {}): ServiceReport {
  return {
    current: 2,
    guarded: 2,
    total: 2,
    wouldDeny: 0,
    exposed: [],
    notListening: [],
    lacking: [],
    versions: [],
    ...change,
  }
}
