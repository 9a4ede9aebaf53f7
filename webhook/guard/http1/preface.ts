/** The first bytes of HTTP/2: RFC 9113 section 3.4. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Whether a connection that begins so is, or may become, one of HTTP/2. */
export function isPreface(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, preface.length)
  return bytes.compare(preface, 0, length, 0, length) === 0
}
