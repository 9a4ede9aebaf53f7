import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { KubeClient, OwnerReference } from './client.ts'

export interface LeaderElectionOptions {
  /** Its own client: renewing must not wait behind reconciliations. */
  client: Pick<KubeClient, 'get' | 'create' | 'update'>
  namespace: string
  name: string
  /** Unique per process start. */
  identity: string
  leaseDurationMs?: number
  renewDeadlineMs?: number
  retryPeriodMs?: number
  /** Runs while leading; the signal fires when that is over. */
  onStartedLeading(signal: AbortSignal): Promise<void> | void
  onStoppedLeading(): void
  log: Logger
  metrics?: Metrics
  ownerReferences?: OwnerReference[]
  clock?: Clock
}

export interface LeaderElection {
  start(): void
  /** By the clock, not by a flag: false from the moment another may lead. */
  isLeader(): boolean
  /** Stops leading and releases the lease, so that another need not wait for it to expire. */
  stop(): Promise<void>
}

export function createLeaderElection(_options: LeaderElectionOptions): LeaderElection {
  throw new Error('not there yet')
}
