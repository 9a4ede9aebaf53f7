/** A path in normal form as the template that matches it alone: stars escaped, hexadecimal digits in upper case. */
export function literalTemplate(path: string): string {
  return path.replaceAll('*', '%2A').replaceAll(/%[0-9a-f]{2}/gi, octet => octet.toUpperCase())
}
