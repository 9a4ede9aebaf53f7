/** What is wrong in a document and where, as sentences. */
export interface Fault {
  readonly fault: string
}

/** Keys from the root of the document. */
export type Place = readonly string[]

/** What was found wrong so far: reading goes on, so that all of it is told at once. */
export interface Faults {
  add(place: Place, what: string): void
  /** So many that nobody counts further: reading ends. */
  isFull(): boolean
  /** undefined when nothing is wrong. */
  told(): Fault | undefined
}

const toldAtMost = 20
const countedAtMost = 1_000
/** A condition's message has at most 2,048 characters. */
const longestMessage = 1_900
const longestPlace = 300

export function createFaults(): Faults {
  const first: string[] = []
  let count = 0
  return {
    add(place, what) {
      count++
      if (first.length < toldAtMost) first.push(sentenceAt(place, what))
    },
    isFull: () => count >= countedAtMost,
    told() {
      if (count === 0) return undefined
      if (count === 1) return { fault: first[0] ?? '' }
      let fault = count < countedAtMost ? `${count} faults.` : `${countedAtMost} faults or more.`
      let told = 0
      for (const sentence of first) {
        if (fault.length + sentence.length >= longestMessage) break
        fault += ` ${sentence}`
        told++
      }
      return { fault: told < count ? `${fault} And ${count - told} more.` : fault }
    },
  }
}

/** The document's author chose the place, so it is cut and made printable. */
function sentenceAt(place: Place, what: string): string {
  const where = place.join('.')
  const cut = where.length > longestPlace ? `${where.slice(0, longestPlace)}...` : where
  return `At ${cut}: ${what}.`.replaceAll(/[^\x20-\x7e]/g, '?')
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
