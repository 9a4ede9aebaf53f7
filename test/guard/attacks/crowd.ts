import { Worker } from 'node:worker_threads'
import { alice } from '../policy-rows.ts'
import type { AttackName } from './attacks.ts'

/** Many connections of strangers, who do all the same. They have a thread of their own. */
export interface CrowdOptions {
  readonly port: number
  readonly attack: AttackName
  /** `127.0.0.2` and those that follow: each is a peer of its own. */
  readonly peers: number
  /** Of each peer. */
  readonly connections: number
  /** Makes another one for each that ends, for as long as the crowd is there. */
  readonly again?: boolean
}

export interface Crowd {
  /** Connections that the other side has not closed. */
  open(): Promise<number>
  leave(): Promise<void>
}

/** Opens them all, some hundreds at a time, and waits until every one was taken or refused. */
export async function gather(options: CrowdOptions): Promise<Crowd> {
  const worker = new Worker(new URL('./strangers.ts', import.meta.url), {
    workerData: { ...options, token: alice.token() },
  })
  const next = (): Promise<number> =>
    new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  await next()
  return {
    open() {
      const count = next()
      worker.postMessage('count')
      return count
    },
    async leave() {
      await worker.terminate()
    },
  }
}
