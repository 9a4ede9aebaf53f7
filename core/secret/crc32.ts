/** Remainders of the reflected polynomial 0xEDB88320. */
const remainders: readonly number[] = Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
  return remainder >>> 0
})

/**
 * CRC-32 of a text of ASCII, as gzip and PNG have it. It finds every fault within four characters that follow each other.
 * @see RFC 1952 section 8
 */
export function crc32(text: string): number {
  let crc = 0xffffffff
  for (let at = 0; at < text.length; at++) {
    crc = (crc >>> 8) ^ (remainders[(crc ^ text.charCodeAt(at)) & 0xff] as number)
  }
  return (crc ^ 0xffffffff) >>> 0
}
