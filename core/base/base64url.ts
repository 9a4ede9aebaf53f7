/**
 * Decodes canonical base64url: no padding, no white space, no other alphabet, unused bits zero, so that one string of
 * bytes has one spelling.
 * @returns undefined when the text is not in that form
 * @see RFC 7515 section 2, RFC 4648 sections 3.5 and 5
 */
export function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}
