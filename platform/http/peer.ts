import { isIPv4, isIPv6 } from 'node:net'

/**
 * Whom a connection is counted for: an IPv4 address, also where the socket is a dual-stack one, or an IPv6 /64, which is
 * what one machine has to choose addresses from.
 */
export function peerKey(address: string | undefined): string {
  const [plain = ''] = (address ?? '').split('%')
  const mapped = plain.toLowerCase().startsWith('::ffff:') ? plain.slice(7) : plain
  if (isIPv4(mapped)) return mapped
  return isIPv6(plain) ? `${groups(plain).slice(0, 4).join(':')}::/64` : 'unknown'
}

/** The groups of an address, as far as they stand before its last 64 bits: none of those can be dotted. */
function groups(address: string): string[] {
  const [before = '', after = ''] = address.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === '' ? [] : after.split(':')
  const dotted = tail.at(-1)?.includes('.') ? 1 : 0
  const zeros = new Array<string>(Math.max(0, 8 - head.length - tail.length - dotted)).fill('0')
  return [...head, ...zeros, ...tail].map(group => Number.parseInt(group, 16).toString(16))
}

/** IPv4 in its own form also where the socket is a dual-stack one. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
