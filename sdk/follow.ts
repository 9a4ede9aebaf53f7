import type { Source } from './key-source.ts'

const checkEveryMs = 1_000

/** What is in a mounted Secret now, or was when it could be read last. */
export interface Followed<T> {
  /** @throws AccessError while there never was anything good */
  current(): Promise<T>
  /** Looks again, at most once a second; who asks meanwhile waits for the same look. @returns whether it did */
  refresh(): Promise<boolean>
  forget(): void
}

/** Keeps the last that was good and looks for another one at most once a second, on use only. */
export function follow<T>(find: () => Promise<Source<T>>): Followed<T> {
  let source: Source<T> | undefined
  let good: { readonly value: T } | undefined
  let checkedAt = Number.NEGATIVE_INFINITY
  let refreshedAt = Number.NEGATIVE_INFINITY
  let reading: Promise<T> | undefined
  let refreshing: Promise<boolean> | undefined

  const read = async (): Promise<T> => {
    try {
      source ??= await find()
      if (good && !(await source.changed())) return good.value
      good = { value: await source.read() }
      return good.value
    } catch (error) {
      if (good) return good.value
      throw error
    } finally {
      checkedAt = performance.now()
      reading = undefined
    }
  }
  const readOnce = () => {
    reading ??= read()
    return reading
  }

  const lookAgain = async (): Promise<boolean> => {
    if (performance.now() - refreshedAt < checkEveryMs) return false
    refreshedAt = performance.now()
    await readOnce()
    return true
  }

  return {
    current(): Promise<T> {
      if (good && performance.now() - checkedAt < checkEveryMs) return Promise.resolve(good.value)
      return readOnce()
    },
    refresh(): Promise<boolean> {
      refreshing ??= lookAgain().finally(() => {
        refreshing = undefined
      })
      return refreshing
    },
    forget() {
      good = undefined
    },
  }
}
