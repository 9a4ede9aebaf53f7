/** What all have to hold: the shared role's path (the peer: a value), or a client whose keys are all revoked, or are none. */
export type Awaited = { readonly value: string } | { readonly revoked: string } | { readonly usable: string }

/** Who holds what is awaited. */
export interface Reached {
  add(at: number, holds: (awaited: Awaited) => boolean): void
  /** Something changed there. */
  look(at: number): void
}

/** The clock of the machine, the same one in every process, milliseconds. */
export const machineNow = (): number => Number(process.hrtime.bigint()) / 1e6

/** When the first and the last held it. */
export interface AllReached {
  readonly firstAt: number
  readonly lastAt: number
}

/**
 * For a process with many that wait: takes one order, then what is to be awaited; says `armed`, and when all hold it.
 * @param start begins the work of the order
 */
export function answerOrders<Order>(start: (order: Order, reached: Reached) => void): void {
  const holders: ((awaited: Awaited) => boolean)[] = []
  let waiting = new Set<number>()
  let awaited: Awaited | undefined
  let firstAt: number | undefined

  function add(at: number, holds: (awaited: Awaited) => boolean): void {
    holders[at] = holds
  }

  function look(at: number): void {
    if (!awaited || !waiting.has(at) || !holders[at]?.(awaited)) return
    waiting.delete(at)
    const now = machineNow()
    firstAt ??= now
    if (waiting.size > 0) return
    awaited = undefined
    process.send?.({ firstAt, lastAt: now } satisfies AllReached)
  }

  process.on('message', (message: { order?: Order; awaited?: Awaited }) => {
    if (message.order) start(message.order, { add, look })
    if (!message.awaited) return
    awaited = message.awaited
    firstAt = undefined
    waiting = new Set(holders.keys())
    process.send?.('armed')
    for (const at of holders.keys()) look(at)
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}
