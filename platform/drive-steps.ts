import type { Steps } from '../core/base/steps.ts'

/** Calls wait no longer than this for one piece of work, milliseconds. */
const turnMs = 5

export type Outcome<T> = { readonly value: T } | { readonly error: unknown }

/**
 * Does work in steps, with whatever else there is to do in between; at once if it is short.
 * @param done called with its outcome, or with the error it ended with
 * @returns a function that leaves the rest undone
 */
export function driveSteps<T>(steps: Steps<T>, done: (outcome: Outcome<T>) => void): () => void {
  let isLeft = false
  const go = (): void => {
    if (isLeft) return
    const outcome = takeTurn(steps)
    if (outcome) done(outcome)
    else setImmediate(go)
  }
  go()
  return () => {
    isLeft = true
  }
}

/** The same as a promise. */
export function driven<T>(steps: Steps<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    driveSteps(steps, outcome => ('error' in outcome ? reject(outcome.error) : resolve(outcome.value)))
  })
}

/** Does as much of it as calls may wait for. @returns undefined while it is not done */
export function takeTurn<T>(steps: Steps<T>): Outcome<T> | undefined {
  const endsAt = performance.now() + turnMs
  try {
    for (;;) {
      const step = steps.next()
      if (step.done) return { value: step.value }
      if (performance.now() >= endsAt) return undefined
    }
  } catch (error) {
    return { error }
  }
}
