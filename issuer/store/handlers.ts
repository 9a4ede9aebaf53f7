/** Handlers that are called in turn. */
export function createHandlers<T>() {
  const handlers = new Set<(value: T) => void>()
  return {
    call(value: T): void {
      for (const handler of handlers) handler(value)
    },
    add(handler: (value: T) => void): () => void {
      handlers.add(handler)
      return () => void handlers.delete(handler)
    },
  }
}
