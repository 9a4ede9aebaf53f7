import type { TlsSource } from '../platform/http/tls-source.ts'
import type { KubeClient } from '../platform/kube/client.ts'
import type { Logger } from '../platform/log.ts'
import { pollSecret } from './secret-poll.ts'

/**
 * Keeps the server's certificate as the operator wrote it, without a restart.
 * @returns a function that ends it
 */
export function followTlsSecret(
  client: Pick<KubeClient, 'get'>,
  secret: { namespace: string; name: string },
  tls: TlsSource,
  log: Logger,
): () => void {
  return pollSecret(
    client,
    secret,
    entries => {
      const [cert, key] = [entries.get('tls.crt'), entries.get('tls.key')]
      if (!cert || !key) throw new Error('the Secret has no tls.crt or no tls.key')
      tls.replace({ cert, key })
      log.info('certificate taken over')
    },
    { log },
  )
}
