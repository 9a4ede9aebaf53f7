import { Counter, Gauge } from 'prom-client'
import type { Metrics } from '../../platform/metrics.ts'
import { StoreError, type TokenStore } from './store.ts'

type Operation = 'claim' | 'put' | 'get' | 'take'

/** The same store, with its operations counted by what came of them. */
export function measureStore(store: TokenStore, metrics: Metrics): TokenStore {
  const operations = new Counter({
    registers: [metrics.registry],
    name: 'latchkey_issuer_store_operations_total',
    help: 'Operations of the token store, by what came of them.',
    labelNames: ['operation', 'result'],
  })
  new Gauge({
    registers: [metrics.registry],
    name: 'latchkey_issuer_store_faulty',
    help: '1 while the token store keeps this replica from being ready.',
    collect() {
      this.set(store.fault() === undefined ? 0 : 1)
    },
  })

  async function counted<T>(operation: Operation, done: Promise<T>): Promise<T> {
    try {
      const result = await done
      operations.inc({ operation, result: 'done' })
      return result
    } catch (error) {
      operations.inc({ operation, result: error instanceof StoreError ? error.reason : 'mistake' })
      throw error
    }
  }

  return {
    ...store,
    claim: (key, record) => counted('claim', store.claim(key, record)),
    put: (key, record) => counted('put', store.put(key, record)),
    get: key => counted('get', store.get(key)),
    take: key => counted('take', store.take(key)),
  }
}
