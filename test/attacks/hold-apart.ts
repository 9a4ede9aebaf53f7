import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Hold, hold } from './hold-connections.ts'

/** Connections of an attacker in a thread of its own: what they cost, the good caller beside them does not pay. */
export async function holdApart(attack: Hold): Promise<{ end(): Promise<void> }> {
  const bytes = Buffer.from(attack.bytes)
  const worker = new Worker(new URL(import.meta.url), { workerData: { ...attack, bytes } })
  await once(worker, 'message')
  return {
    async end() {
      await worker.terminate()
    },
  }
}

if (!isMainThread && parentPort && workerData?.bytes) {
  const attack = workerData as Hold & { bytes: Uint8Array }
  await hold({ ...attack, bytes: Buffer.from(attack.bytes) })
  parentPort.postMessage('held')
}
