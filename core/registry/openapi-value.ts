/** What is wrong in a document and where, as sentences. */
export interface Fault {
  readonly fault: string
}

/** Whether two routes meet, or the document says something that is not understood. */
export type FaultKind = 'conflict' | 'mistake'

/** Keys from the root of the document. */
export type Place = readonly string[]

/** What was found wrong so far: reading goes on, so that all of it is told at once. */
export interface Faults {
  add(place: Place, what: string, kind?: FaultKind): void
  /** So many that nobody counts further: reading ends. */
  isFull(): boolean
  /** undefined when nothing is wrong. */
  told(): (Fault & { readonly kind: FaultKind }) | undefined
}

const toldAtMost = 20
const countedAtMost = 1_000
/** A condition's message has at most 2,048 characters. */
const longestMessage = 1_900
const longestPlace = 300

export function createFaults(): Faults {
  const first: string[] = []
  let count = 0
  let kind: FaultKind = 'conflict'
  return {
    add(place, what, ofKind = 'mistake') {
      count++
      if (ofKind === 'mistake') kind = ofKind
      if (first.length < toldAtMost) first.push(sentenceAt(place, what))
    },
    isFull: () => count >= countedAtMost,
    told() {
      if (count === 0) return undefined
      if (count === 1) return { fault: first[0] ?? '', kind }
      let fault = count < countedAtMost ? `${count} faults.` : `${countedAtMost} faults or more.`
      let told = 0
      for (const sentence of first) {
        if (fault.length + sentence.length >= longestMessage) break
        fault += ` ${sentence}`
        told++
      }
      return { fault: told < count ? `${fault} And ${count - told} more.` : fault, kind }
    },
  }
}

/** The document's author chose the place, so it is cut and made printable. */
export function shown(place: Place): string {
  const where = place.join('.')
  const cut = where.length > longestPlace ? `${where.slice(0, longestPlace)}...` : where
  return cut.replaceAll(/[^\x20-\x7e]/g, '?')
}

function sentenceAt(place: Place, what: string): string {
  return `At ${shown(place)}: ${what}.`.replaceAll(/[^\x20-\x7e]/g, '?')
}
