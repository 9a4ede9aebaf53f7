import { step } from '../../test/cluster/progress.ts'
import { addAccessKeys, addNamespaces, countReady } from '../control-plane/access-keys.ts'
import { startBundled } from '../control-plane/bundled.ts'
import type { Plane } from '../control-plane/plane.ts'
import { answeredBetween, answeredBy } from '../control-plane/requests.ts'
import { untilRest } from '../control-plane/until-rest.ts'

export interface Reconciled {
  /** From the first write to the last. */
  readonly seconds: number
  readonly writesPerSecond: number
  readonly keysPerSecond: number
  readonly writesPerKey: number
  readonly callsPerKey: number
  /** What the API server answered to all. */
  readonly answered: readonly { readonly what: string; readonly count: number }[]
  /** Processor seconds of the operator. */
  readonly processorSeconds: number
}

/** So many AccessKeys wait; the operator starts and makes all of them Active. @throws Error when some are not */
export async function reconcileKeys(plane: Plane, keys: number): Promise<Reconciled> {
  await step(`  ${keys} AccessKeys`, async () => {
    await addNamespaces(plane.client)
    await addAccessKeys(plane.client, 0, keys)
  })
  const before = await answeredBy(plane.client)
  const operator = await startBundled('operator', plane)
  try {
    const { seconds, writes, all, processorSeconds } = await untilRest(operator, keys)
    const answered = answeredBetween(before, await answeredBy(plane.client))
    const ready = await countReady(plane.client)
    if (ready !== keys) throw new Error(`the operator rests, and ${ready} of ${keys} AccessKeys are Active`)
    return {
      seconds,
      writesPerSecond: writes / seconds,
      keysPerSecond: keys / seconds,
      writesPerKey: writes / keys,
      callsPerKey: all / keys,
      answered,
      processorSeconds,
    }
  } finally {
    await operator.stop()
  }
}
