import { X509Certificate } from 'node:crypto'
import { Gauge, type Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import type { KubeClient } from '../kube/client.ts'
import { pollSecret } from '../kube/secret-poll.ts'
import type { Logger } from '../log.ts'
import type { TlsSource } from './tls-source.ts'

export interface ServingCertificate {
  /** Reads the Secret now and from then on: every second until there is one, then every 30 s. */
  start(): void
  stop(): void
  /** When the certificate ends; undefined while there is none. */
  expiresAt(): Date | undefined
  /** Why nobody can be served, or undefined. */
  fault(): string | undefined
}

/**
 * Keeps a server's certificate as the operator's Secret has it, without a restart. Read by name, so that the process
 * needs no right to list or watch Secrets. A Secret that cannot be read or does not fit leaves the certificate as it is.
 */
export function createServingCertificate(options: {
  readonly client: Pick<KubeClient, 'get'>
  readonly namespace: string
  readonly name: string
  readonly tls: TlsSource
  readonly clock: Clock
  readonly log: Logger
  /** Gets everything that stands in the Secret, when the certificate in it was taken. */
  readonly onTaken?: (entries: ReadonlyMap<string, Buffer>) => void
}): ServingCertificate {
  const { client, namespace, name, tls, clock, log } = options
  let expiresAt: Date | undefined
  let end: (() => void) | undefined

  function take(entries: ReadonlyMap<string, Buffer>): void {
    const [cert, key] = ['tls.crt', 'tls.key'].map(file => entries.get(file)?.toString('utf8'))
    if (!cert || !key) throw new Error(`Secret ${name} has no certificate yet`)
    const validTo = new X509Certificate(cert).validToDate
    tls.replace({ cert, key })
    expiresAt = validTo
    options.onTaken?.(entries)
    log.info({ certificate: name, expiresAt: validTo.toISOString() }, 'certificate loaded')
  }

  return {
    start() {
      end = pollSecret(client, { namespace, name }, take, { clock, log })
    },
    stop: () => end?.(),
    expiresAt: () => expiresAt,
    fault() {
      if (expiresAt === undefined) return `no certificate: Secret ${name} is not there yet`
      return expiresAt.getTime() <= clock.wallMs() ? `the certificate in Secret ${name} has expired` : undefined
    },
  }
}

/** Shows until when the certificate in use is good: what renews it may have stopped long before anybody notices. */
export function observeExpiry(registry: Registry, tls: TlsSource): void {
  const gauge = new Gauge({
    name: 'latchkey_serving_certificate_expiry_timestamp_seconds',
    help: 'When the certificate in use ends, in seconds since epoch.',
    registers: [registry],
  })
  tls.onReplace(({ cert }) => gauge.set(new X509Certificate(cert).validToDate.getTime() / 1000))
}
