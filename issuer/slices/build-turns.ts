import type { Steps } from '../../core/base/steps.ts'

/** What takes more steps is long: about 2,000 clients. */
const shortSteps = 128

/**
 * Whose slice is made next. Two are being made at one time, a short one and a long one, so that a service with many
 * clients delays none with few, and memory holds two unfinished slices at most. Nobody knows beforehand which it will
 * be: one that turns out to be long waits for the place of the long ones, and next time begins there. What has begun is
 * finished whatever comes meanwhile; what comes meanwhile is in the next one.
 */
export interface BuildTurns {
  /** To be made from what there is when its turn comes. */
  add(key: string): void
  /** Nothing is made of it any more. */
  drop(key: string): void
  /** Whether it will be made anew, one that has begun not counted. */
  isWaiting(key: string): boolean
  /** Whether it waits or has begun. */
  isPending(key: string): boolean
  /** Whether making it took long the last time. */
  isLong(key: string): boolean
  /** Does one step of what is due. @returns whether there was any */
  step(): boolean
}

interface Place {
  readonly waiting: Set<string>
  running?: { readonly key: string; readonly steps: Steps<void>; taken: number } | undefined
}

/** @param begin must not throw, and neither may its steps */
export function createBuildTurns(begin: (key: string) => Steps<void>): BuildTurns {
  const short: Place = { waiting: new Set() }
  const long: Place = { waiting: new Set() }
  const places = [short, long]
  const knownLong = new Set<string>()
  let turn = 0

  function advance(place: Place): boolean {
    const [key] = place.waiting
    if (!place.running && key === undefined) return false
    if (!place.running && key !== undefined) {
      place.waiting.delete(key)
      place.running = { key, steps: begin(key), taken: 0 }
    }
    const running = place.running
    if (!running) return true
    running.taken++
    const isDone = running.steps.next().done
    if (isDone) {
      place.running = undefined
      if (running.taken <= shortSteps) turnedShort(running.key)
    } else if (place === short && running.taken > shortSteps) turnedLong(running)
    return true
  }

  function turnedShort(key: string): void {
    knownLong.delete(key)
    if (long.waiting.delete(key)) short.waiting.add(key)
  }

  function turnedLong(running: NonNullable<Place['running']>): void {
    const { key, steps } = running
    short.running = undefined
    knownLong.add(key)
    const again = short.waiting.delete(key)
    if (!long.running) long.running = running
    else steps.return()
    if (again || long.running !== running) long.waiting.add(key)
  }

  const isWaiting = (key: string): boolean => places.some(({ waiting }) => waiting.has(key))

  return {
    add: key => void (knownLong.has(key) ? long : short).waiting.add(key),
    drop(key) {
      knownLong.delete(key)
      for (const place of places) {
        place.waiting.delete(key)
        if (place.running?.key !== key) continue
        place.running.steps.return()
        place.running = undefined
      }
    },
    isWaiting,
    isLong: key => knownLong.has(key),
    isPending: key => isWaiting(key) || places.some(({ running }) => running?.key === key),
    step() {
      const [first = short, second = long] = turn++ % 2 === 0 ? places : places.toReversed()
      return advance(first) || advance(second)
    },
  }
}
