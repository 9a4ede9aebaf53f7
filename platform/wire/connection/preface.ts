/** The first bytes of HTTP/2: RFC 9113 section 3.4. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')
export const prefaceLength = preface.length

/** Whether a connection that begins so is, or may become, one of HTTP/2. */
export function isPreface(bytes: Buffer, length: number): boolean {
  const compared = Math.min(length, prefaceLength)
  return bytes.compare(preface, 0, compared, 0, compared) === 0
}
