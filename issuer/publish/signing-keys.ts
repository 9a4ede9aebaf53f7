import type { Algorithm } from '../../core/api/access-key.ts'
import { algorithms } from '../../core/jose/algorithms.ts'
import { checkPublicKey, thumbprint } from '../../core/jose/jwk.ts'
import type { PublishableKey } from '../../core/jose/jwks.ts'
import { issuerKeysFile, readIssuerKeys, signingKids } from '../../core/keys/issuer-keys.ts'
import type { KubeClient } from '../../platform/kube/client.ts'
import { pollSecret } from '../../platform/kube/secret-poll.ts'
import type { Logger } from '../../platform/log.ts'

/** Public halves of the issuer's own keys; undefined until the Secret is there. Private halves are not kept. */
export interface SigningKeys {
  current(): readonly PublishableKey[] | undefined
  stop(): void
}

export function followSigningKeys(
  client: Pick<KubeClient, 'get'>,
  secret: { namespace: string; name: string },
  log: Logger,
): SigningKeys {
  let keys: readonly PublishableKey[] | undefined
  const stop = pollSecret(
    client,
    secret,
    entries => {
      keys = [...entries].filter(([name]) => name.endsWith('.jwk')).map(([, content]) => publicHalf(content))
      const signing = signingKids(readIssuerKeys(entries.get(issuerKeysFile)?.toString('utf8')))
      log.info({ kids: keys.map(key => key.kid), signing }, 'signing keys taken over')
    },
    { log },
  )
  return { current: () => keys, stop }
}

/** @throws Error that names no content */
function publicHalf(content: Buffer): PublishableKey {
  const { kty, crv, x, y } = parsed(content)
  const algorithm = (Object.keys(algorithms) as Algorithm[]).find(
    name => algorithms[name].kty === kty && algorithms[name].crv === crv,
  )
  const publicKey = { kty, crv, x, ...(y !== undefined && { y }) } as PublishableKey['publicKey']
  if (algorithm === undefined || checkPublicKey(publicKey, algorithm) !== undefined) {
    throw new Error('a signing key is not a JWK of a known algorithm')
  }
  return { kid: thumbprint(publicKey), algorithm, publicKey }
}

function parsed(content: Buffer): Record<string, unknown> {
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    // The parser's message would quote the key.
    throw new Error('a signing key is not JSON')
  }
}
