import type { Algorithm } from '../api/access-key.ts'

/** All that the rules know about one signature algorithm, in one place. */
export interface AlgorithmEntry {
  readonly kty: 'OKP' | 'EC' | 'RSA'
  readonly crv?: 'Ed25519' | 'P-256'
  /** `alg` values a token may carry for such a key; nothing else is ever verified with it. */
  readonly tokenAlgorithms: readonly string[]
  /** What we write into a token's header. */
  readonly writes: string
  /** Public members, in the order of RFC 7638 section 3.2. */
  readonly members: readonly ('crv' | 'e' | 'kty' | 'n' | 'x' | 'y')[]
  /** `alg` in published JWKs; OKP keys go without, because readers disagree on `EdDSA` and `Ed25519` (RFC 9864). */
  readonly publishedAlgorithm?: string
  /** Hash given to node:crypto; Ed25519 takes none. */
  readonly hash: 'sha256' | null
}

export const algorithms: Readonly<Record<Algorithm, AlgorithmEntry>> = {
  Ed25519: {
    kty: 'OKP',
    crv: 'Ed25519',
    tokenAlgorithms: ['EdDSA', 'Ed25519'],
    writes: 'EdDSA',
    members: ['crv', 'kty', 'x'],
    hash: null,
  },
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    tokenAlgorithms: ['ES256'],
    writes: 'ES256',
    members: ['crv', 'kty', 'x', 'y'],
    publishedAlgorithm: 'ES256',
    hash: 'sha256',
  },
  RS256: {
    kty: 'RSA',
    tokenAlgorithms: ['RS256'],
    writes: 'RS256',
    members: ['e', 'kty', 'n'],
    publishedAlgorithm: 'RS256',
    hash: 'sha256',
  },
}
