import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { KubeClient, OwnerReference } from './client.ts'

export interface LeaderElectionOptions {
  /** Its own client, with a short time limit: renewing must not wait behind reconciliations. */
  client: Pick<KubeClient, 'get' | 'create' | 'update'>
  namespace: string
  name: string
  /** Unique per process start. */
  identity: string
  /** How long others wait after the last renewal they saw. Default 15 s. */
  leaseDurationMs?: number
  /** How long the leader goes on without a renewal; less than the lease's duration. Default 10 s. */
  renewDeadlineMs?: number
  /** Time between tries. Default 2 s. */
  retryPeriodMs?: number
  /** Runs while leading; the signal fires when that is over, and the next term waits until this has settled. */
  onStartedLeading(signal: AbortSignal): Promise<void> | void
  onStoppedLeading(): void
  log: Logger
  metrics?: Metrics
  /** So that the lease goes when the installation goes. */
  ownerReferences?: OwnerReference[]
  clock?: Clock
}
