import { X509Certificate } from 'node:crypto'
import type { Clock } from '../platform/clock.ts'
import type { TlsSource } from '../platform/http/tls-source.ts'
import type { KubeClient, KubeObject } from '../platform/kube/client.ts'
import { secrets } from '../platform/kube/resources.ts'
import type { Logger } from '../platform/log.ts'

interface Secret extends KubeObject {
  data?: Record<string, string>
}

export interface ServingCertificate {
  /** Reads the Secret now and from then on: every second until there is one, then every 30 s. */
  start(): void
  stop(): void
  /** Why nobody can be served, or undefined. */
  fault(): string | undefined
}

const untilThereMs = 1_000
const againMs = 30_000

/**
 * Keeps a server's certificate as the operator's Secret has it. Read by name, so that the process needs no right to
 * list or watch Secrets. A Secret that cannot be read or does not fit leaves the certificate as it is.
 */
export function createServingCertificate(options: {
  readonly client: Pick<KubeClient, 'get'>
  readonly namespace: string
  readonly name: string
  readonly tls: TlsSource
  readonly clock: Clock
  readonly log: Logger
}): ServingCertificate {
  const { client, namespace, name, tls, clock, log } = options
  let served: string | undefined
  let expiresAt: Date | undefined
  let cancel: (() => void) | undefined
  let stopped = false
  let lastFault: string | undefined

  async function read(): Promise<void> {
    try {
      const secret = await client.get<Secret>(secrets, namespace, name)
      const [cert, key] = [text(secret, 'tls.crt'), text(secret, 'tls.key')]
      if (cert === undefined || key === undefined) throw new Error(`Secret ${name} has no certificate yet`)
      if (cert !== served) replace(cert, key)
      lastFault = undefined
    } catch (error) {
      const fault = error instanceof Error ? error.message : 'unknown'
      if (fault !== lastFault) log.warn({ certificate: name, err: error }, 'no new certificate')
      lastFault = fault
    }
    if (!stopped) cancel = clock.after(served === undefined ? untilThereMs : againMs, () => void read())
  }

  function replace(cert: string, key: string): void {
    const validTo = new X509Certificate(cert).validToDate
    tls.replace({ cert, key })
    served = cert
    expiresAt = validTo
    log.info({ certificate: name, expiresAt: validTo.toISOString() }, 'certificate loaded')
  }

  return {
    start: () => void read(),
    stop() {
      stopped = true
      cancel?.()
    },
    fault() {
      if (expiresAt === undefined) return `no certificate: Secret ${name} is not there yet`
      return expiresAt <= clock.wall() ? `the certificate in Secret ${name} has expired` : undefined
    },
  }
}

function text(secret: Secret | undefined, file: string): string | undefined {
  const value = secret?.data?.[file]
  return value ? Buffer.from(value, 'base64').toString('utf8') : undefined
}
