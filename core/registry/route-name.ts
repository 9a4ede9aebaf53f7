const longest = 63

/** Names for routes that have none of their own: DNS labels, each given once. */
export function createRouteNames(): {
  next(operationId: string | undefined, route: { readonly path: string; readonly methods: readonly string[] }): string
} {
  // Each name with the last number it was given, so that a thousand equal ids cost a thousand steps.
  const given = new Map<string, number>()
  return {
    next(operationId, { path, methods }) {
      const name = toLabel(operationId ?? '') || toLabel(`${methods[0]}-${path}`) || 'operation'
      let free = name
      let count = given.get(name) ?? 1
      while (given.has(free)) {
        const suffix = `-${++count}`
        free = `${name.slice(0, longest - suffix.length).replace(/-+$/, '')}${suffix}`
      }
      given.set(name, count)
      given.set(free, given.get(free) ?? 1)
      return free
    },
  }
}

/** `listOrders` and `list_orders` become `list-orders`. */
function toLabel(text: string): string {
  return text
    .slice(0, 512)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, longest)
    .replace(/-$/, '')
}
