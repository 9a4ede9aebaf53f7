import { systemClock } from '../clock.ts'

/** Made once; a failure is not kept. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch(error => {
      made = undefined
      throw error
    })
    return made
  }
}

/** One call at a time, its result kept for `ms`. A failure is not kept: the next request tries again. */
export function remembered<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined
  let readAt = 0
  return () => {
    if (!current || systemClock.now() - readAt > ms) {
      readAt = systemClock.now()
      const reading = read()
      current = reading
      reading.catch(() => {
        if (current === reading) current = undefined
      })
    }
    return current
  }
}
