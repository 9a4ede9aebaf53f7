/** Names for a message: so many of them at most, and how many more there are: `a, b and 7 more`. */
export function nameSome(names: readonly string[], most: number, count = names.length): string {
  const shown = names.slice(0, most)
  return shown.join(', ') + (count > shown.length ? ` and ${count - shown.length} more` : '')
}
