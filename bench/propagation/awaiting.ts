/** What all have to hold: the shared role's path (the peer: a value), or a client whose keys are all revoked, or are none. */
export type Awaited = { readonly value: string } | { readonly revoked: string } | { readonly usable: string }

/** Who holds what is awaited. */
export interface Reached {
  add(at: number, holds: (awaited: Awaited) => boolean): void
  /** Something changed there. @param heldAt since when, if not since now */
  look(at: number, heldAt?: number): void
}

/** The clock of the machine, the same one in every process, milliseconds. */
export const machineNow = (): number => Number(process.hrtime.bigint()) / 1e6

/** When the last held it. */
export interface AllReached {
  readonly lastAt: number
  /** The same with what they waited for each other in their one process. */
  readonly lastInProcessAt: number
}

/**
 * For a process with many that wait: takes one order and says `started`; then what is to be awaited, and says `armed`, and when
 * all hold it.
 * @param start begins the work of the order
 */
export function answerOrders<Order>(start: (order: Order, reached: Reached) => Promise<void>): void {
  const holders: ((awaited: Awaited) => boolean)[] = []
  let waiting = new Set<number>()
  let awaited: Awaited | undefined
  let lastAt = 0

  function add(at: number, holds: (awaited: Awaited) => boolean): void {
    holders[at] = holds
  }

  function look(at: number, heldAt = machineNow()): void {
    if (!awaited || !waiting.has(at) || !holders[at]?.(awaited)) return
    waiting.delete(at)
    lastAt = Math.max(lastAt, heldAt)
    if (waiting.size > 0) return
    awaited = undefined
    process.send?.({ lastAt, lastInProcessAt: machineNow() } satisfies AllReached)
  }

  process.on('message', (message: { order?: Order; awaited?: Awaited }) => {
    if (message.order) void start(message.order, { add, look }).then(() => process.send?.('started'))
    if (!message.awaited) return
    awaited = message.awaited
    lastAt = 0
    waiting = new Set(holders.keys())
    process.send?.('armed')
    for (const at of holders.keys()) look(at)
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}
