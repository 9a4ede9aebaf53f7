/** Something bounded, such as memory or connections, that is divided by peers. */
export interface Budget {
  /**
   * Makes a place for something that a peer has under way: a connection, a stream.
   * @param amount what it takes while nothing more is held for it
   * @param shed ends it: called once, when what it takes is needed for a peer that holds less
   * @returns undefined when there is none: the peer itself holds the most
   */
  enter(peer: string, amount: number, shed: () => void): Place | undefined
  /**
   * Says how much a place takes now, what it took at first included.
   * @returns false when the peer holds the most and nothing is left: then the one who asks has to give up
   */
  hold(place: Place, amount: number): boolean
  /** Gives the place back. Doing so again, or after it was shed, changes nothing. */
  leave(place: Place): void
  /** The same for what stays as large as it is: the share knows the way back. */
  take(peer: string, amount: number, shed: () => void): Share | undefined
  /** By all peers. */
  held(): number
}

export interface Share {
  /** Gives it back. Doing so again, or after it was shed, changes nothing. */
  release(): void
}

/** A place in the budget. Only the budget writes into it. */
export interface Place {
  readonly account: Account
  readonly shed: () => void
  amount: number
  /** Places of the same peer, in the order in which they came. */
  older: Place | undefined
  newer: Place | undefined
  left: boolean
}

interface Account {
  readonly peer: string
  held: number
  newest: Place | undefined
}

export interface Bounds {
  /** Of all peers together. */
  readonly sum: number
  /** Of one peer, however little the others hold. */
  readonly perPeer: number
}

/**
 * Where nothing is left, the newest places of the peer that holds the most are shed, until there is enough: a peer that
 * takes all it can get costs itself what the others need, and nobody else.
 * @param atTie what becomes of one that would hold as much as the greediest: it is refused, or the other one's newest is shed
 */
export function createBudget({ sum, perPeer }: Bounds, atTie: 'refuse' | 'shed' = 'refuse'): Budget {
  const accounts = new Map<string, Account>()
  let held = 0

  function accountOf(peer: string): Account {
    const known = accounts.get(peer)
    if (known) return known
    const account: Account = { peer, held: 0, newest: undefined }
    accounts.set(peer, account)
    return account
  }

  function add(place: Place, amount: number): void {
    place.amount += amount
    place.account.held += amount
    held += amount
  }

  function greediest(): Account | undefined {
    let most: Account | undefined
    for (const account of accounts.values()) if (!most || account.held > most.held) most = account
    return most
  }

  /** @returns whether there is room for so much more of this peer, once others were shed */
  function makeRoom(account: Account, amount: number): boolean {
    if (account.held + amount > perPeer) return false
    while (held + amount > sum) {
      const most = greediest()
      // Whoever would hold the most with it does without.
      const over = account.held + amount - (most?.held ?? 0)
      if (!most?.newest || most === account || over > 0 || (over === 0 && atTie === 'refuse')) return false
      const { newest } = most
      leave(newest)
      newest.shed()
    }
    return true
  }

  function leave(place: Place): void {
    if (place.left) return
    const { account, older, newer } = place
    place.left = true
    account.held -= place.amount
    held -= place.amount
    if (older) older.newer = newer
    if (newer) newer.older = older
    else account.newest = older
    place.older = undefined
    place.newer = undefined
    if (!account.newest) accounts.delete(account.peer)
  }

  function enter(peer: string, amount: number, shed: () => void): Place | undefined {
    const account = accountOf(peer)
    if (!makeRoom(account, amount)) {
      if (!account.newest) accounts.delete(peer)
      return undefined
    }
    // It may have gone with the last of its places, which made room.
    accounts.set(peer, account)
    const place: Place = { account, shed, amount: 0, older: account.newest, newer: undefined, left: false }
    if (account.newest) account.newest.newer = place
    account.newest = place
    add(place, amount)
    return place
  }

  return {
    enter,
    leave,
    held: () => held,
    take(peer, amount, shed) {
      const place = enter(peer, amount, shed)
      return place && { release: () => leave(place) }
    },
    hold(place, amount) {
      const more = amount - place.amount
      if (place.left || (more > 0 && !makeRoom(place.account, more))) return false
      // Making room may have cost it its own place.
      if (place.left) return false
      add(place, more)
      return true
    },
  }
}
