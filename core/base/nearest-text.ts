const longest = 64
const mostCompared = 24

/**
 * The text that takes the fewest changes of a character; undefined of none. Only the beginnings of texts are compared,
 * and of many texts only those that share most with it at both ends.
 */
export function nearestText(text: string, candidates: readonly string[]): string | undefined {
  const ranked = [...new Set(candidates)].map(candidate => ({ candidate, shared: sharedEnds(text, candidate) }))
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const { candidate } of ranked.sort((a, b) => b.shared - a.shared).slice(0, mostCompared)) {
    const changes = distance(text.slice(0, longest), candidate.slice(0, longest))
    if (changes < least) [best, least] = [candidate, changes]
  }
  return best
}

/** Characters that two texts have in common at their beginnings and at their ends. */
function sharedEnds(a: string, b: string): number {
  const most = Math.min(a.length, b.length, longest)
  let front = 0
  while (front < most && a[front] === b[front]) front++
  let back = 0
  while (back < most - front && a[a.length - 1 - back] === b[b.length - 1 - back]) back++
  return front + back
}

/** Levenshtein: characters inserted, removed or replaced. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
