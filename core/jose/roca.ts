/** The odd primes at which the pattern is looked for: all of the primorial's up to 167. */
const primes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
]

const generated: readonly (readonly [prime: bigint, powers: ReadonlySet<bigint>])[] = primes.map(prime => [
  BigInt(prime),
  powersOf65537(prime),
])

/**
 * Whether an RSA modulus has the pattern of the library in Infineon's chips (ROCA, CVE-2017-15361), whose private keys
 * can be computed from the public ones: its primes, and so their product, are powers of 65537 modulo each small prime.
 * Of honest keys less than one in 2^27 looks so.
 * @see Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 2.3
 */
export function hasRocaPattern(modulus: bigint): boolean {
  return generated.every(([prime, powers]) => powers.has(modulus % prime))
}

function powersOf65537(prime: number): ReadonlySet<bigint> {
  const powers = new Set<bigint>()
  for (let power = 1; !powers.has(BigInt(power)); power = (power * 65_537) % prime) powers.add(BigInt(power))
  return powers
}
