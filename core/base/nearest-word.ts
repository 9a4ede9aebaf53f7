/** What somebody may have meant: the nearest of the known words, where one is near; the first of several. */
export function nearestWord(word: string, known: Iterable<string>): string | undefined {
  // Nobody's word is this long, and the work is that of its length times the other's.
  if (word.length > 64) return undefined
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const each of known) {
    const distance = distanceOf(word.toLowerCase(), each.toLowerCase())
    if (distance >= least) continue
    nearest = each
    least = distance
  }
  return nearest
}

/** `; did you mean …?` for the end of a sentence, or nothing. */
export function meantWord(word: string, known: Iterable<string>): string {
  const nearest = nearestWord(word, known)
  return nearest === undefined ? '' : `; did you mean ${nearest}?`
}

/** How many letters are left out, too many, others, or exchanged with their neighbour. */
function distanceOf(a: string, b: string): number {
  let twoBefore: number[] = []
  let before = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const changed = (before[j - 1] ?? 0) + (isSame ? 0 : 1)
      const isExchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const exchanged = isExchanged ? (twoBefore[j - 2] ?? 0) + 1 : changed
      row.push(Math.min((before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, changed, exchanged))
    }
    twoBefore = before
    before = row
  }
  return before[b.length] ?? 0
}
