/** Long work in steps of some milliseconds at most: whoever does it may do other things in between. */
export type Steps<T> = Generator<void, T>

/** Does all of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** Says yes at every so many calls: so much work makes a step. */
export function everyNth(count: number): () => boolean {
  let calls = 0
  return () => ++calls % count === 0
}
