/**
 * How many bits each symbol has, in base 36; the last one is the end of the string. The code is canonical: the lengths say
 * all of it.
 * @see RFC 7541 Appendix B
 */
const lengths = [
  'dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca',
  'd67777777777777777777777878djde6f56565666577666567655677777fbeds',
  'kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn',
  'qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq',
  'u',
].join('')

const longest = 30
/** By length: the first code, how many there are, and where their symbols begin. */
const firstCode: number[] = []
const howMany: number[] = []
const firstSymbol: number[] = []
const symbols: number[] = []

for (let length = 0, code = 0; length <= longest; length++) {
  const own = [...lengths].flatMap((digit, symbol) => (Number.parseInt(digit, 36) === length ? [symbol] : []))
  firstCode[length] = code
  howMany[length] = own.length
  firstSymbol[length] = symbols.length
  symbols.push(...own)
  code = (code + own.length) * 2
}

/** What a string may be made of, by byte: the first one, the last one, and all others. */
export interface Marks {
  readonly first: Uint8Array
  readonly inner: Uint8Array
  readonly last: Uint8Array
}

/**
 * Whether every symbol of a Huffman-coded string is marked. Bit by bit: it is asked about names, and about the few values
 * that could hold something else.
 */
export function allMarked(bytes: Uint8Array, from: number, to: number, { first, inner, last }: Marks): boolean {
  let symbol = -1
  let code = 0
  let length = 0
  for (let at = from; at < to; at++) {
    for (let bit = 7; bit >= 0; bit--) {
      code = code * 2 + (((bytes[at] as number) >> bit) & 1)
      length++
      const offset = code - (firstCode[length] as number)
      if (offset < (howMany[length] as number)) {
        const marks = symbol === -1 ? first : inner
        symbol = symbols[(firstSymbol[length] as number) + offset] as number
        if (marks[symbol] !== 1) return false
        code = 0
        length = 0
      }
    }
  }
  // What is left is padding; whether it is good is for nghttp2 to say.
  return symbol === -1 || last[symbol] === 1
}

/** Bits that are 1 at the beginning and at the end of each byte. */
const leading = new Uint8Array(256).map((_, byte) => Math.clz32(~(byte << 24)))
const trailing = new Uint8Array(256).map((_, byte) => 31 - Math.clz32(~byte & (byte + 1)))

/** Control bytes have codes that begin with ten ones; few other strings have so many in a row. */
const onesOfControls = 10

const codeOfBlank = 0x14

/** @returns false when a Huffman-coded string certainly holds no control byte, and no blank at its ends */
export function couldBeWrong(bytes: Uint8Array, from: number, to: number): boolean {
  if (to > from && (bytes[from] as number) >> 2 === codeOfBlank) return true
  // The padding is of ones, and the code of a blank ends in none.
  const end = ((bytes[to - 2] as number) << 8) | (bytes[to - 1] as number)
  if (to - from > 1 && ((end >> (trailing[end & 0xff] as number)) & 0x3f) === codeOfBlank) return true
  let run = 0
  for (let at = from; at < to; at++) {
    const byte = bytes[at] as number
    if (byte === 0xff) {
      run += 8
      if (run >= onesOfControls) return true
      continue
    }
    if (run + (leading[byte] as number) >= onesOfControls) return true
    run = trailing[byte] as number
  }
  return run >= onesOfControls
}
