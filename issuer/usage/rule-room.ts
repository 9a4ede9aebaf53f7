import { createBudget, type Place } from '../../platform/fair/budget.ts'

const mebibyte = 1_048_576

/** What uses of rules by the permissions of routes take, bytes: of all namespaces, and of one. The issuer's heap is 384 MiB. */
const bounds = { sum: 24 * mebibyte, perPeer: 8 * mebibyte }
/** Beside the name: an entry of a map, and its two numbers. */
const useBytes = 128

/** Room for what is known of roles by permission. Their names are their owners', and so is how many there are. */
export interface RuleRoom {
  /**
   * Makes room for one more permission of a role.
   * @param role `namespace/name` @param merge called when what the role has here is needed for a namespace that has less
   * @returns whether there is any; where there is none its namespace has the most already
   */
  take(role: string, permission: string, merge: () => void): boolean
  /** Gives back what a role has. */
  release(role: string): void
  /** Bytes, of all. */
  held(): number
}

export function createRuleRoom(of = bounds): RuleRoom {
  const budget = createBudget(of)
  const places = new Map<string, Place>()

  function placeOf(role: string, merge: () => void): Place | undefined {
    const known = places.get(role)
    if (known) return known
    const place = budget.enter(role.split('/', 1)[0] ?? '', 0, () => {
      places.delete(role)
      merge()
    })
    if (place) places.set(role, place)
    return place
  }

  return {
    held: budget.held,
    take(role, permission, merge) {
      const place = placeOf(role, merge)
      return place !== undefined && budget.hold(place, place.amount + useBytes + 2 * permission.length)
    },
    release(role) {
      const place = places.get(role)
      if (place) budget.leave(place)
      places.delete(role)
    },
  }
}
