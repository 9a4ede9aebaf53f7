import type { Clock } from '../clock.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import type { KubeClient, KubeObject } from './client.ts'

export interface EventText {
  type: 'Normal' | 'Warning'
  reason: string
  action: string
  note: string
}

export interface EventRecorder {
  /** Returns at once and never throws. */
  record(regarding: KubeObject & { apiVersion: string; kind: string }, event: EventText): void
}

export function createEventRecorder(
  _client: Pick<KubeClient, 'create' | 'patch'>,
  _options: { reportingController: string; reportingInstance: string; log: Logger; metrics?: Metrics; clock?: Clock },
): EventRecorder {
  throw new Error('not there yet')
}
