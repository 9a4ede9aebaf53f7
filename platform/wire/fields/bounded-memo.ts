import { inOnePiece } from './one-piece.ts'

/** Longer texts are not remembered: a caller could fill the memory with them. */
const maxLength = 64

/**
 * Remembers what a pure function said of a short text. Two generations bound it: callers can invent texts, and what is
 * used moves back into the young one.
 */
export function boundedMemo<T>(entries: number, make: (text: string) => T): (text: string) => T {
  let young = new Map<string, T>()
  let old = new Map<string, T>()

  function keep(text: string, known: T | undefined): T {
    // A copy: what is kept must not keep the whole head that it was cut from.
    const own = inOnePiece(text)
    const value = known ?? make(own)
    if (young.size >= entries) {
      old = young
      young = new Map()
    }
    young.set(own, value)
    return value
  }

  return text => {
    const hit = young.get(text)
    if (hit !== undefined) return hit
    return text.length > maxLength ? make(text) : keep(text, old.get(text))
  }
}
