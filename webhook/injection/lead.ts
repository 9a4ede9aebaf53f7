/**
 * Where calls to the service of a labelled pod go while the pod is made: to the guard, past it to the app's own port, or
 * nowhere that is known yet, because the GuardedService or the Service port it names is not there.
 * `Unknown` when the API server did not say in time.
 */
export type Lead = 'ToGuard' | 'PastGuard' | 'NoGuardedService' | 'NoService' | 'Unknown'

/**
 * Whether an app may be sent to loopback: only where nobody calls it past the guard. What is not there yet may come and
 * lead to the app; a settled cluster that is slow to answer has what it had.
 */
export function bindsLoopback(lead: Lead): boolean {
  return lead === 'ToGuard' || lead === 'Unknown'
}

/** What a person should know about a pod that is made now. */
export function leadWarnings(lead: Lead, service: string): readonly string[] {
  switch (lead) {
    case 'NoGuardedService':
      return [
        `there is no GuardedService ${service} yet: the pod has no policy and is not ready until it exists. HOST=127.0.0.1 is not set; ${afterwards}`,
      ]
    case 'NoService':
      return [
        `the GuardedService ${service} names a Service or port that is not there yet, so HOST=127.0.0.1 is not set; ${afterwards}`,
      ]
    case 'PastGuard':
      return [
        `the Service of ${service} does not lead to the guard yet, so HOST=127.0.0.1 is not set: the app would be out of reach. Patch the Service as the GuardedService says, then roll out again`,
      ]
    default:
      return []
  }
}

const afterwards = 'roll out again once the Service leads to the guard, or set HOST in the pod template yourself'
