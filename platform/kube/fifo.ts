/** First in, first out, each key once, with the time it came. */
export function createFifo() {
  const since = new Map<string, number>()
  let keys: string[] = []
  let head = 0
  return {
    size: () => since.size,
    push(key: string, at: number): boolean {
      if (since.has(key)) return false
      since.set(key, at)
      keys.push(key)
      return true
    },
    shift(): { key: string; at: number } | undefined {
      const key = keys[head]
      if (key === undefined) return undefined
      head++
      // Array.shift moves the whole array; a cold start has 100,000 keys.
      if (head > 1_024 && head * 2 > keys.length) {
        keys = keys.slice(head)
        head = 0
      }
      const at = since.get(key) as number
      since.delete(key)
      return { key, at }
    },
  }
}
