import type { Algorithm } from '../../core/api/access-key.ts'
import { algorithms } from '../../core/jose/algorithms.ts'
import { checkPublicKey, publicMembers, thumbprint } from '../../core/jose/jwk.ts'
import type { PublishableKey } from '../../core/jose/jwks.ts'
import {
  type IssuerAlgorithm,
  issuerAlgorithms,
  issuerKeysFile,
  readIssuerKeys,
  signingKids,
} from '../../core/keys/issuer-keys.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { KubeClient } from '../../platform/kube/client.ts'
import { pollSecret } from '../../platform/kube/secret-poll.ts'
import type { Logger } from '../../platform/log.ts'

/** A key of the issuer that signs. */
export interface Signer {
  readonly kid: string
  readonly algorithm: IssuerAlgorithm
  /** `alg` of what it signs. */
  readonly alg: string
  /** The JWK with its private half: not for logs. */
  readonly privateKey: Readonly<Record<string, string>>
}

/** The issuer's own keys. Private halves are kept of those alone that sign. */
export interface SigningKeys {
  /** Public halves; undefined until the Secret is there. */
  current(): readonly PublishableKey[] | undefined
  /**
   * One for each algorithm, the preferred one first where it signs yet: the same list until the keys change. Undefined when there is none, or the Secret was
   * not read for ten minutes: the operator takes a key away on the assumption that nobody signs with it any more.
   */
  signers(): readonly [Signer, ...Signer[]] | undefined
  /** Called when the keys are others, or are for something else. */
  onChange(handler: () => void): void
  /** Resolves when the Secret was read once; rejects when the signal fires. */
  whenRead(signal: AbortSignal): Promise<void>
  stop(): void
}

/** Which keys sign, and under which name. */
export interface SigningChoice {
  /** The preferred one. */
  readonly algorithm: IssuerAlgorithm
  /** `alg` of tokens that an Ed25519 key signs: RFC 8037's name, or that of RFC 9864. */
  readonly ed25519Alg: 'EdDSA' | 'Ed25519'
}

/** See decision 66. */
const signsForMs = 600_000

export function followSigningKeys(
  client: Pick<KubeClient, 'get'>,
  secret: { namespace: string; name: string },
  choice: SigningChoice,
  log: Logger,
  clock: Clock = systemClock,
): SigningKeys {
  let keys: readonly PublishableKey[] | undefined
  let signers: readonly Signer[] = []
  let readAt = 0
  const handlers: (() => void)[] = []
  const read = Promise.withResolvers<void>()
  const stop = pollSecret(
    client,
    secret,
    entries => {
      keys = [...entries].filter(([name]) => name.endsWith('.jwk')).map(([, content]) => publicHalf(content))
      const signing = signingKids(readIssuerKeys(entries.get(issuerKeysFile)?.toString('utf8')))
      const inOrder = [...new Set([choice.algorithm, ...issuerAlgorithms])]
      signers = inOrder.flatMap(algorithm => signerOf(entries, algorithm, signing[algorithm], choice))
      read.resolve()
      for (const handler of handlers) handler()
      log.info({ kids: keys.map(key => key.kid), signing }, 'signing keys taken over')
    },
    {
      log,
      clock,
      onRead() {
        readAt = clock.now()
      },
    },
  )
  return {
    current: () => keys,
    signers: () => (isSome(signers) && clock.now() - readAt < signsForMs ? signers : undefined),
    onChange: handler => void handlers.push(handler),
    async whenRead(signal) {
      const stopped = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
      await Promise.race([read.promise, stopped])
    },
    stop,
  }
}

function isSome<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0
}

/** @throws Error that names no content */
function signerOf(
  entries: ReadonlyMap<string, Buffer>,
  algorithm: IssuerAlgorithm,
  kid: string | undefined,
  { ed25519Alg }: SigningChoice,
): Signer[] {
  const content = kid === undefined ? undefined : entries.get(`${kid}.jwk`)
  if (kid === undefined || !content) return []
  const jwk = parsed(content)
  const secret = privateMembers.flatMap(name => (typeof jwk[name] === 'string' ? [[name, jwk[name]]] : []))
  const half = publicHalf(content)
  if (typeof jwk.d !== 'string' || half.kid !== kid || half.algorithm !== algorithm) {
    throw new Error('a key that signs has no private half, or is another one than its name says')
  }
  const privateKey = { ...half.publicKey, ...Object.fromEntries(secret) } as Signer['privateKey']
  return [{ kid, algorithm, alg: algorithm === 'Ed25519' ? ed25519Alg : algorithms[algorithm].writes, privateKey }]
}

/** Of all our kinds of keys; an RSA key has all of them. */
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi']

/** @throws Error that names no content */
function publicHalf(content: Buffer): PublishableKey {
  const publicKey = publicMembers(parsed(content))
  const algorithm = (Object.keys(algorithms) as Algorithm[]).find(
    name => algorithms[name].kty === publicKey.kty && algorithms[name].crv === publicKey.crv,
  )
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
