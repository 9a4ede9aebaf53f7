/**
 * Where calls to the service of a labelled pod go while the pod is made: to the guard, or past it to the app's own port.
 * `Unknown` when the API server did not say in time.
 */
export type Lead = 'ToGuard' | 'PastGuard' | 'NoGuardedService' | 'Unknown'

/** What a person should know about a pod that is made now. */
export function leadWarnings(lead: Lead, service: string): readonly string[] {
  if (lead === 'NoGuardedService') {
    return [`there is no GuardedService ${service} yet: the pod has no policy and is not ready until it exists`]
  }
  if (lead !== 'PastGuard') return []
  return [
    `the Service of ${service} does not lead to the guard yet, so HOST=127.0.0.1 is not set: the app would be out of reach. Patch the Service as the GuardedService says, then roll out again`,
  ]
}
