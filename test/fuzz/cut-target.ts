import { queryKey } from './access.ts'

/**
 * The target that the app may get of one that was sent: without the API key in its query. It shares no line with the guard.
 * @returns undefined where no app may get any, for the name stands there twice, or in another spelling
 */
export function cutTarget(target: string): string | undefined {
  const [, path = '', query] = /^([^?]*)(?:\?(.*))?$/s.exec(target) ?? []
  if (query === undefined) return target
  const isOne = new RegExp(`^${queryKey}(?:=[^;]*)?$`)
  const all = query.split('&')
  const others = all.filter(pair => !isOne.test(pair))
  if (others.length < all.length - 1 || others.some(hasName)) return undefined
  if (others.length === all.length) return target
  return others.length === 0 ? path : `${path}?${others.join('&')}`
}

/** As the most generous of parsers read names: in any case, behind a semicolon, with escapes. */
function hasName(pair: string): boolean {
  return pair.split(';').some(each => {
    const [name = ''] = each.split('=', 1)
    const plain = name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    return plain.toLowerCase() === queryKey
  })
}
