import { Gauge } from 'prom-client'
import type { Metrics } from '../../platform/metrics.ts'
import type { BundleReach } from './bundle-reach.ts'
import type { Certificates } from './certificates.ts'
import type { IssuerKeys } from './issuer-keys.ts'

/** Adds when the release's own certificates end and what is renewed when, as the leader found them last. */
export function measureCertificates(
  { registry }: Metrics,
  parts: {
    certificates: Pick<Certificates, 'dates'>
    issuerKeys: Pick<IssuerKeys, 'dueAt'>
    reach: Pick<BundleReach, 'lacking'>
  },
): void {
  const { certificates, issuerKeys, reach } = parts
  const gauge = (name: string, help: string, labelNames: string[], collect: (gauge: Gauge) => void) =>
    new Gauge({
      registers: [registry],
      name,
      help,
      labelNames,
      collect() {
        collect(this)
      },
    })
  gauge(
    'latchkey_certificate_expiry_timestamp_seconds',
    'When a certificate of the release ends, in seconds since epoch.',
    ['certificate'],
    one => {
      for (const [certificate, { notAfter }] of certificates.dates()) one.set({ certificate }, notAfter / 1_000)
    },
  )
  gauge(
    'latchkey_rotation_due_timestamp_seconds',
    'When a key or certificate of the release is due to be renewed, in seconds since epoch; long past: that does not come about.',
    ['key'],
    one => {
      for (const [key, { dueAt }] of certificates.dates()) one.set({ key }, dueAt / 1_000)
      const dueAt = issuerKeys.dueAt()
      if (dueAt !== undefined) one.set({ key: 'issuer_signing' }, dueAt / 1_000)
    },
  )
  gauge(
    'latchkey_authority_lacking',
    'Copies of the bundle that lacked the next authority when it was last asked for; it signs when there are none.',
    [],
    one => one.set(reach.lacking()),
  )
}
