const longest = 64
const mostCandidates = 256

/** The text that takes the fewest changes of a character; undefined of none. Long texts and long lists are cut. */
export function nearestText(text: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates.slice(0, mostCandidates)) {
    const changes = distance(text.slice(0, longest), candidate.slice(0, longest))
    if (changes < least) [best, least] = [candidate, changes]
  }
  return best
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
