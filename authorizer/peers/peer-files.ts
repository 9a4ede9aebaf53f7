import type { Clock } from '../../platform/clock.ts'
import { watchFiles } from '../../platform/file-watch.ts'
import { createTlsSource, type TlsSource } from '../../platform/http/tls-source.ts'
import type { Logger } from '../../platform/log.ts'
import type { Peer } from './peers.ts'
import { type PeerBook, readSecrets } from './prove-peer.ts'

type Context = { clock: Clock; log: Logger; intervalMs?: number }

/** Follows the files with the peers' secrets. One that cannot be read leaves its peer with what it had; at first, none. */
export function followSecrets(peers: readonly Peer[], book: PeerBook, context: Context): () => void {
  const stops = peers.flatMap(({ name, secretFile }) => {
    if (secretFile === undefined) return []
    const take = ({ secret }: { secret: Buffer }): void => book.setSecrets(name, readSecrets(secret.toString('utf8')))
    return [watchFiles({ secret: secretFile }, take, { ...context, log: context.log.child({ proxy: name }) })]
  })
  return () => {
    for (const stop of stops) stop()
  }
}

export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** Without it no client certificate counts. */
  readonly ca?: string | undefined
}

/** Follows the files of the server's certificate. Resolves when there is one. */
export function followTls(files: TlsFiles, context: Context): Promise<{ tls: TlsSource; stop(): void }> {
  const tls = createTlsSource()
  const { cert, key, ca } = files
  const paths = { cert, key, ...(ca !== undefined && { ca }) } as Record<'cert' | 'key', string>
  return new Promise(resolve => {
    const stop = watchFiles(
      paths,
      contents => {
        // With `ca` among them, where it is followed.
        tls.replace(contents)
        resolve({ tls, stop: () => stop() })
      },
      context,
    )
  })
}
