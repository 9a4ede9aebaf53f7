/** What a client that speaks HTTP/2 without asking first begins with: RFC 9113 section 3.4. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

/** Whether a connection that begins with these bytes is one of HTTP/2; `undefined` while more of them could be. */
export function beginsHttp2(bytes: Buffer): boolean | undefined {
  if (bytes.length >= preface.length) return preface.equals(bytes.subarray(0, preface.length))
  return preface.subarray(0, bytes.length).equals(bytes) ? undefined : false
}
