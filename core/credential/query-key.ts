/** A target, and what was cut out of its query. */
export interface CutTarget {
  readonly target: string
  readonly key: string
}

/**
 * Cuts the API key out of a target. All else stays, byte for byte, and that is what is decided on, logged and forwarded. The
 * name has to stand there once, as it is written in `spec.apiKey.query`: in any other spelling, or twice, nothing is cut, and
 * whoever finds the name in the target refuses it.
 * @param name has no character that a query would escape
 * @returns undefined where there is nothing to cut, or not in one way only
 */
export function cutQueryKey(target: string, name: string): CutTarget | undefined {
  const query = target.indexOf('?')
  // Nearly every target of a service whose callers send it elsewhere.
  if (query === -1 || target.indexOf(name, query) === -1) return undefined
  const pairs = target.slice(query + 1).split('&')
  const at = pairs.findIndex(pair => isNamed(pair, name))
  if (at === -1) return undefined
  const key = (pairs[at] as string).slice(name.length + 1)
  // An app may take `;` for the end of a pair, and read of this one what we do not.
  if (key.includes(';')) return undefined
  pairs.splice(at, 1)
  const rest = pairs.length === 0 ? '' : `?${pairs.join('&')}`
  return { target: target.slice(0, query) + rest, key }
}

function isNamed(pair: string, name: string): boolean {
  return pair === name || pair.startsWith(`${name}=`)
}
