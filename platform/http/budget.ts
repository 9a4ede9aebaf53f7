/** Something bounded that many peers share: connections, or bytes that are held for them. */
export interface Budget {
  /**
   * Takes a part of it. Where there is too little, the newest parts of the peer that holds most are taken back until there
   * is enough; the one that asks may be that peer itself.
   * @param shed called when this part is taken back, once and later than this call
   * @returns undefined when it is refused
   */
  take(peer: string, amount: number, shed: () => void): Share | undefined
  /** What is held by all. */
  held(): number
}

export interface Share {
  /** Gives the part back. Doing so again, or after it was taken back, changes nothing. */
  release(): void
}

export interface BudgetLimits {
  /** Of all peers together. */
  readonly sum: number
  /** Of one peer, however little the others hold. */
  readonly perPeer: number
}

interface Part {
  readonly peer: string
  readonly amount: number
  readonly shed: () => void
}

interface Account {
  held: number
  /** The oldest first. */
  readonly parts: Set<Part>
}

/** Divides what is bounded by peers: one that takes all it can get leaves the others theirs. */
export function createBudget({ sum, perPeer }: BudgetLimits): Budget {
  const accounts = new Map<string, Account>()
  let held = 0

  function add(part: Part): void {
    const account = accounts.get(part.peer) ?? { held: 0, parts: new Set() }
    accounts.set(part.peer, account)
    account.parts.add(part)
    account.held += part.amount
    held += part.amount
  }

  function remove(part: Part): void {
    const account = accounts.get(part.peer)
    if (!account?.parts.delete(part)) return
    account.held -= part.amount
    held -= part.amount
    if (account.parts.size === 0) accounts.delete(part.peer)
  }

  /** Where several hold the same, the one that asks. */
  function newestOfGreediest(asking: string): Part | undefined {
    let greediest = accounts.get(asking)
    for (const account of accounts.values()) if (!greediest || account.held > greediest.held) greediest = account
    return greediest && [...greediest.parts].at(-1)
  }

  return {
    held: () => held,
    take(peer, amount, shed) {
      const part = { peer, amount, shed }
      if ((accounts.get(peer)?.held ?? 0) + amount > perPeer) return undefined
      add(part)
      while (held > sum) {
        const victim = newestOfGreediest(peer) ?? part
        remove(victim)
        if (victim === part) return undefined
        victim.shed()
      }
      return { release: () => remove(part) }
    },
  }
}
