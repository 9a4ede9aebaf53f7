import type { SecureContext, SecureContextOptions, TlsOptions } from 'node:tls'
import { tls } from '../on-demand.ts'

/** PEM: certificate chain and private key. */
export interface CertificatePair {
  cert: string | Buffer
  key: string | Buffer
  /** Authorities of client certificates, for a server that asks for one. */
  ca?: string | Buffer
}

/** A server's certificate, which can change while it serves. */
export interface TlsSource {
  /** @throws Error while there is none */
  current(): SecureContext
  pair(): CertificatePair | undefined
  /** New handshakes use it from now on; open connections keep what they have. @throws Error when the two do not fit */
  replace(pair: CertificatePair): void
  onReplace(handler: (pair: CertificatePair) => void): void
}

const minVersion = 'TLSv1.2'

/** @throws Error when certificate and key of `initial` do not fit */
export function createTlsSource(initial?: CertificatePair): TlsSource {
  let pair: CertificatePair | undefined
  let context: SecureContext | undefined
  const handlers: ((pair: CertificatePair) => void)[] = []
  const source: TlsSource = {
    current() {
      if (!context) throw new Error('no certificate yet')
      return context
    },
    pair: () => pair,
    replace(next) {
      // Made before anything is changed: a pair that does not fit leaves the old one serving.
      context = tls().createSecureContext({ ...next, minVersion })
      pair = next
      for (const handler of handlers) handler(next)
    },
    onReplace: handler => void handlers.push(handler),
  }
  if (initial) source.replace(initial)
  return source
}

/**
 * A server that shows whatever certificate there is at each handshake.
 * @param make makes it with these options and its own
 */
export function serveCertificate<S extends { setSecureContext(options: SecureContextOptions): void }>(
  source: TlsSource,
  make: (options: Pick<TlsOptions, 'minVersion' | 'SNICallback' | keyof CertificatePair>) => S,
): S {
  const server = make({
    ...source.pair(),
    minVersion,
    SNICallback(_name, done) {
      try {
        done(null, source.current())
      } catch (error) {
        done(error as Error)
      }
    },
  })
  // Clients that connect to an address send no name, and SNICallback is not asked.
  source.onReplace(pair => server.setSecureContext({ ...pair, minVersion }))
  return server
}
