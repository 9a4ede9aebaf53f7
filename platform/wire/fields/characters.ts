/** RFC 9110 section 5.6.2: what names and methods are made of. */
export const tokenCharacter = table("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

/** RFC 9110 section 5.5: what a field value is made of, white space and bytes beyond ASCII included. */
export const valueCharacter = range(0x20, 0xff)
valueCharacter[0x09] = 1
valueCharacter[0x7f] = 0

/** What a request target may hold on the wire; whether it is a good path is for the decision to say. */
export const targetCharacter = range(0x21, 0xff)
targetCharacter[0x7f] = 0

/** The value of a hexadecimal digit, 0xff for any other byte. */
export const hexDigit = new Uint8Array(256).fill(0xff)
for (let value = 0; value < 16; value++) {
  const digit = value.toString(16)
  hexDigit[digit.charCodeAt(0)] = value
  hexDigit[digit.toUpperCase().charCodeAt(0)] = value
}

function table(characters: string): Uint8Array {
  const marks = new Uint8Array(256)
  for (const character of characters) marks[character.charCodeAt(0)] = 1
  return marks
}

function range(from: number, to: number): Uint8Array {
  return new Uint8Array(256).fill(1, from, to + 1)
}
