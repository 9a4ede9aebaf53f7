/** Long work in steps of some milliseconds at most: whoever does it may do other things in between. */
export type Steps<T> = Generator<void, T>

/** Does all of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** How many rows make a step. */
const rowsPerStep = 64

/** The list in parts of one step each. */
export function* inSteps<T>(list: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < list.length; from += rowsPerStep) yield list.slice(from, from + rowsPerStep)
}
