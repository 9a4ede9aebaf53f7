/**
 * Puts a text between `<!-- bench:<name> -->` and `<!-- /bench:<name> -->`.
 * @throws Error when the document has no such pair
 */
export function fillMarker(document: string, name: string, content: string): string {
  const begin = `<!-- bench:${name} -->`
  const end = `<!-- /bench:${name} -->`
  const from = document.indexOf(begin)
  const to = document.indexOf(end, from)
  if (from < 0 || to < 0) throw new Error(`there is no ${begin} … ${end}`)
  return `${document.slice(0, from + begin.length)}\n${content.trim()}\n${document.slice(to)}`
}
