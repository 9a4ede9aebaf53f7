/** The methods that rules can name, RFC 9110 section 9 and QUERY. A method's place here is its bit. */
export const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'] as const

export const getIndex = 0
export const headIndex = 1

const indexes: ReadonlyMap<string, number> = new Map(methods.map((method, index) => [method, index]))

/** @returns -1 for a method that no rule can name; compared exactly, methods are case-sensitive */
export function methodIndex(method: string): number {
  return indexes.get(method) ?? -1
}

/** What is said where a call has another one: no role and no route would help. */
export const noSuchMethod = `No rule and no route can name the method of this call, so no role allows it. They name ${methods.join(', ')}.`

/** Bits of these methods; `HEAD` follows `GET`. */
export function methodMask(names: readonly string[]): number {
  let mask = 0
  for (const name of names) {
    const index = methodIndex(name)
    if (index >= 0) mask |= 1 << index
  }
  return mask & (1 << getIndex) ? mask | (1 << headIndex) : mask
}
