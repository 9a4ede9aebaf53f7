import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'
import type { Algorithm, PublicJwk } from '../api/access-key.ts'
import { decodeBase64url } from '../base/base64url.ts'
import { algorithms } from './algorithms.ts'
import { hasSmallOrder, isCanonicalPoint, isInPrimeSubgroup, isOnEdwardsCurve } from './ed25519-point.ts'
import { hasRocaPattern } from './roca.ts'

/** A JWK as it came from somewhere: nothing is believed of its members. */
export type JwkLike = Readonly<Record<string, unknown>>

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']
const publicNames = ['kty', 'crv', 'x', 'y', 'n', 'e'] as const

/** The public half of a JWK, built member by member: what nobody knows, above all a private one, never passes. */
export function publicMembers(jwk: JwkLike): PublicJwk {
  const found = publicNames.flatMap(name => (jwk[name] === undefined ? [] : [[name, jwk[name]]]))
  return Object.fromEntries(found) as PublicJwk
}

/**
 * The key id: SHA-256 over the required members in their order, base64url.
 * @throws Error when a required member is missing or the type is not ours
 * @see RFC 7638 section 3
 */
export function thumbprint(jwk: JwkLike): string {
  const entry = Object.values(algorithms).find(({ kty }) => kty === jwk.kty)
  if (!entry) throw new Error('The key has no thumbprint: kty must be OKP, EC or RSA.')
  const members = entry.members.map(member => {
    const value = jwk[member]
    if (typeof value !== 'string') throw new Error(`The key has no thumbprint: its member ${member} is missing.`)
    return `"${member}":${JSON.stringify(value)}`
  })
  return createHash('sha256')
    .update(`{${members.join(',')}}`)
    .digest('base64url')
}

/**
 * Whether a public key may be registered: everything `checkKeyForm` asks, and that its point is on the curve and, for
 * Ed25519, in the subgroup of prime order. Takes about 1 ms for Ed25519: for admission, not for every pass.
 * @returns undefined when the key is fine, else a sentence that says what is wrong and what to do
 * @see RFC 8032 section 5.1, RFC 7518 section 6, threats J15 and J27
 */
export function checkPublicKey(jwk: JwkLike, algorithm: Algorithm): string | undefined {
  const fault = checkKeyForm(jwk, algorithm)
  if (fault !== undefined) return fault
  if (algorithm === 'Ed25519') return checkEdwardsGroup(decodeBase64url(String(jwk.x)) ?? Buffer.alloc(32))
  return undefined
}

/**
 * The cheap part, done again before a key verifies anything: type, members, sizes, canonical encodings, points of
 * small order, P-256 points on the curve, RSA modulus and exponent; `alg`, `use` and `key_ops` fit where they are given.
 */
export function checkKeyForm(jwk: JwkLike, algorithm: Algorithm): string | undefined {
  const entry = algorithms[algorithm]
  const leaked = privateMembers.find(member => Object.hasOwn(jwk, member))
  if (leaked !== undefined && jwk.kty !== 'oct')
    return `The key holds the private member ${leaked}. Make a new key pair, give only its public half, and treat this one as leaked.`
  if (jwk.kty !== entry.kty)
    return `${algorithm} takes a key with kty ${entry.kty}. Give such a public key or change the algorithm.`
  if (entry.crv !== undefined && jwk.crv !== entry.crv)
    return `${algorithm} takes a key with crv ${entry.crv}. Give such a public key or change the algorithm.`
  if (jwk.alg !== undefined && !(entry.tokenAlgorithms as readonly unknown[]).includes(jwk.alg))
    return `The alg of the key must be ${entry.tokenAlgorithms.join(' or ')}, or absent. Correct it, or change the algorithm.`
  if (jwk.use !== undefined && jwk.use !== 'sig') return 'The use of the key must be sig. Give a key for signatures.'
  if (jwk.key_ops !== undefined && !(Array.isArray(jwk.key_ops) && jwk.key_ops.includes('verify')))
    return 'The key_ops of the key must hold verify. Give a key for signatures.'
  return checks[algorithm](jwk)
}

/**
 * The key in the form node:crypto verifies with; only the public members of its type are read. The cheap checks are
 * made again; a point off the curve is imported and verifies nothing.
 * @throws Error when it is no key that may be used: the sentence of `checkKeyForm`
 */
export function importPublicKey(jwk: JwkLike, algorithm: Algorithm): KeyObject {
  const fault = checkKeyForm(jwk, algorithm)
  if (fault !== undefined) throw new Error(fault)
  const key = Object.fromEntries(algorithms[algorithm].members.map(member => [member, jwk[member]]))
  try {
    return createPublicKey({ key, format: 'jwk' })
  } catch {
    throw new Error('The key cannot be used. Make a new key pair and give its public half.')
  }
}

const checks: Readonly<Record<Algorithm, (jwk: JwkLike) => string | undefined>> = {
  Ed25519: checkEd25519,
  ES256: checkP256,
  RS256: checkRsa,
}

function checkEd25519(jwk: JwkLike): string | undefined {
  const point = member(jwk.x)
  if (point?.length !== 32) return 'The member x must be 32 bytes in base64url without padding. Export the key again.'
  if (hasSmallOrder(point))
    return 'The key is a point of small order, with which anybody can sign. Make a new key pair.'
  if (!isCanonicalPoint(point))
    return 'The member x is not a canonical Ed25519 point (RFC 8032 section 5.1.3). Make a new key pair.'
  return undefined
}

function checkEdwardsGroup(point: Buffer): string | undefined {
  if (!isOnEdwardsCurve(point))
    return 'The member x is no point of the curve Ed25519. Export the public key again, as a JWK.'
  if (!isInPrimeSubgroup(point))
    return 'The key has a part of small order, so that verifiers may disagree on its signatures. Make a new key pair.'
  return undefined
}

function checkP256(jwk: JwkLike): string | undefined {
  const x = member(jwk.x)
  const y = member(jwk.y)
  if (x?.length !== 32 || y?.length !== 32)
    return 'The members x and y must be 32 bytes each in base64url without padding. Export the key again.'
  try {
    p256.Point.fromAffine({ x: number(x), y: number(y) }).assertValidity()
    return undefined
  } catch {
    return 'The members x and y are no point of the curve P-256. Export the public key again, as a JWK.'
  }
}

function checkRsa(jwk: JwkLike): string | undefined {
  const modulus = member(jwk.n)
  if (!modulus || modulus.length === 0 || modulus[0] === 0)
    return 'The member n must be base64url without padding and without leading zero bytes. Export the key again.'
  const bits = modulus.length * 8 - (Math.clz32(modulus[0] ?? 0) - 24)
  if (bits < 2048 || bits > 4096)
    return `The RSA modulus has ${bits} bits; 2048 to 4096 are taken. Make a new key pair of that size.`
  if (((modulus[modulus.length - 1] ?? 0) & 1) === 0) return 'The RSA modulus is even. Make a new key pair.'
  if (hasRocaPattern(number(modulus)))
    return 'The RSA key was made by a chip whose keys can be broken (CVE-2017-15361). Make a new key pair elsewhere.'
  if (jwk.e !== 'AQAB') return 'The RSA exponent must be 65537 (`AQAB`). Make a new key pair with it.'
  return undefined
}

/** A cap stands before the decoding: 683 characters hold 4096 bits. */
function member(value: unknown): Buffer | undefined {
  return typeof value === 'string' && value.length <= 1024 ? decodeBase64url(value) : undefined
}

function number(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}
