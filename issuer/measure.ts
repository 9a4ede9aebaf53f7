import { Counter, Gauge } from 'prom-client'
import type { Metrics } from '../platform/metrics.ts'
import type { Slices } from './slices/slices.ts'
import type { GuardStream } from './snapshots/guard-stream.ts'
import type { SnapshotServer } from './snapshots/snapshot-server.ts'
import type { Usage } from './usage/usage.ts'

/** Adds what only an issuer has. No label names an object: there may be thousands. */
export function measure(metrics: Metrics, parts: { slices: Slices; snapshots: SnapshotServer; usage: Usage }): void {
  const { slices, snapshots, usage } = parts
  const gauge = (name: string, help: string, count: () => number) =>
    new Gauge({
      registers: [metrics.registry],
      name,
      help,
      collect() {
        this.set(count())
      },
    })
  gauge('latchkey_issuer_slices', 'Guarded services this replica has a slice for.', () => [...slices.all()].length)
  new Counter({
    registers: [metrics.registry],
    name: 'latchkey_issuer_streams_opened_total',
    help: 'Streams that guards opened; far more of them than guards means that streams do not hold.',
    collect() {
      this.reset()
      this.inc(snapshots.opened())
    },
  })
  new Counter({
    registers: [metrics.registry],
    name: 'latchkey_issuer_streams_stalled_total',
    help: 'Streams that were dropped because their guard did not read for 20 s.',
    collect() {
      this.reset()
      this.inc(snapshots.stalled())
    },
  })
  new Counter({
    registers: [metrics.registry],
    name: 'latchkey_issuer_streams_slowed_total',
    help: 'How often a stream was not read from because its pod or its namespace had sent too much.',
    collect() {
      this.reset()
      this.inc(snapshots.slowed())
    },
  })
  gauge('latchkey_issuer_guards', 'Guards connected to this replica.', () => [...snapshots.streams()].length)
  const count = (is: (stream: GuardStream) => boolean): number => [...snapshots.streams()].filter(is).length
  gauge('latchkey_issuer_guards_behind', 'Connected guards that do not hold the current slice.', () =>
    count(({ view, held }) => held().hash !== view.hash()),
  )
  gauge(
    'latchkey_issuer_guards_slice_too_large',
    'Connected guards that are not sent all of the current slice because it is larger than they take.',
    () => count(({ tooLarge }) => tooLarge() !== undefined),
  )
  gauge('latchkey_issuer_guards_without_usage', 'Connected guards that do not tell what calls use.', () =>
    [...snapshots.streams()].reduce((sum, { tellsUsage }) => sum + (tellsUsage ? 0 : 1), 0),
  )
  new Counter({
    registers: [metrics.registry],
    name: 'latchkey_issuer_usage_uncounted_total',
    help: 'Uses of keys, grants and rules for which guards had no counter left.',
    collect() {
      this.reset()
      this.inc(usage.uncounted())
    },
  })
  new Counter({
    registers: [metrics.registry],
    name: 'latchkey_issuer_usage_merged_total',
    help: 'Uses of rules that are known of the rule alone, because there was no room to tell its permissions apart.',
    collect() {
      this.reset()
      this.inc(usage.merged())
    },
  })
}
