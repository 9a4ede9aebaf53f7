import { X509Certificate } from 'node:crypto'
import { Gauge, type Registry } from 'prom-client'
import type { TlsSource } from './tls-source.ts'

/** Shows until when the certificate in use is good: what renews it may have stopped long before anybody notices. */
export function observeExpiry(registry: Registry, tls: TlsSource): void {
  const gauge = new Gauge({
    name: 'latchkey_serving_certificate_expiry_timestamp_seconds',
    help: 'When the certificate in use ends, in seconds since epoch.',
    registers: [registry],
  })
  tls.onReplace(({ cert }) => gauge.set(new X509Certificate(cert).validToDate.getTime() / 1000))
}
