import { readFile } from 'node:fs/promises'
import { type ConfigOf, integer, text } from '../platform/config.ts'
import { watchFiles } from '../platform/file-watch.ts'
import { type CertificatePair, createTlsSource, type TlsSource } from '../platform/http/tls-source.ts'
import type { Logger } from '../platform/log.ts'
import { SettingsError } from '../platform/process-exit.ts'

/** Settings of the connections on both sides of a guard. */
export const connectionTable = {
  tlsCertFile: text<string | undefined>('LATCHKEY_TLS_CERT_FILE', {
    default: undefined,
    description: 'certificate chain towards callers, PEM; without it: plain HTTP',
  }),
  tlsKeyFile: text<string | undefined>('LATCHKEY_TLS_KEY_FILE', {
    default: undefined,
    description: 'its private key, PEM; both are read again when they change',
  }),
  upstreamCaFile: text<string | undefined>('LATCHKEY_UPSTREAM_CA_FILE', {
    default: undefined,
    description: 'CA that vouches for an https app, PEM; default: those that Node trusts',
  }),
  maxConnections: integer('LATCHKEY_MAX_CONNECTIONS', {
    default: 16_384,
    min: 1,
    description: 'connections of all callers together',
  }),
  maxConnectionsPerPeer: integer('LATCHKEY_MAX_CONNECTIONS_PER_PEER', {
    default: 1_024,
    min: 1,
    description: 'connections of one address; raise it where all callers come through one proxy',
  }),
  maxUpstreamConnections: integer('LATCHKEY_MAX_UPSTREAM_CONNECTIONS', {
    default: 1_024,
    min: 1,
    description: 'connections to the app, WebSockets apart; calls beyond it wait up to 5 s, then get 503',
  }),
}

type ConnectionConfig = ConfigOf<typeof connectionTable>

export interface Connections {
  readonly tls: TlsSource | undefined
  readonly upstreamCa: string | undefined
  /** Reads no file again from now on. */
  stop(): void
}

/** @throws Error when a file cannot be read @throws SettingsError when certificate and key do not fit */
export async function openConnections(
  config: ConnectionConfig,
  options: { log: Logger; intervalMs?: number },
): Promise<Connections> {
  const { tlsCertFile: cert, tlsKeyFile: key, upstreamCaFile } = config
  if ((cert === undefined) !== (key === undefined)) {
    throw new SettingsError('LATCHKEY_TLS_CERT_FILE and LATCHKEY_TLS_KEY_FILE belong together')
  }
  const upstreamCa = upstreamCaFile === undefined ? undefined : await readFile(upstreamCaFile, 'utf8')
  if (cert === undefined || key === undefined) return { tls: undefined, upstreamCa, stop() {} }
  const tls = fitting({ cert: await readFile(cert), key: await readFile(key) })
  return { tls, upstreamCa, stop: watchFiles({ cert, key }, pair => tls.replace(pair), options) }
}

function fitting(pair: CertificatePair): TlsSource {
  try {
    return createTlsSource(pair)
  } catch (error) {
    const { message } = error as Error
    throw new SettingsError(
      `LATCHKEY_TLS_CERT_FILE and LATCHKEY_TLS_KEY_FILE are no certificate with its key: ${message}`,
    )
  }
}
