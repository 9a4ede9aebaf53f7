/**
 * The same text as one piece of memory. What was put together with `+` stays a tree of its parts, which is walked anew each
 * time it is written as a part of something else; a slice keeps alive what it was cut from.
 * @param text one character per byte
 */
export function inOnePiece(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
