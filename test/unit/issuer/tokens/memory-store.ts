import { setTimeout } from 'node:timers/promises'
import { type NewRecord, type RecordKey, StoreError, type TokenStore } from '../../../../issuer/store/store.ts'

type Operation = 'claim' | 'get' | 'put'

/** A store of this process that several replicas share, with the time that a real one takes. It can be away. */
export function createMemoryStore() {
  const records = new Map<string, NewRecord>()
  const away = new Set<Operation>()
  const nameOf = ({ type, tenant, id }: RecordKey) => JSON.stringify([type, tenant, id])

  async function reach(operation: Operation): Promise<void> {
    await setTimeout(1)
    if (away.has(operation)) throw new StoreError('store_unavailable')
  }

  const store: Pick<TokenStore, 'claim' | 'get' | 'put'> = {
    async claim(key, record) {
      await reach('claim')
      if (records.has(nameOf(key))) return 'held'
      records.set(nameOf(key), record)
      return 'claimed'
    },
    async get(key) {
      await reach('get')
      const record = records.get(nameOf(key))
      return record && { endsAt: record.endsAt, value: record.value }
    },
    async put(key, record) {
      await reach('put')
      records.set(nameOf(key), record)
    },
  }
  return {
    store,
    records,
    /** From now on it does not answer this. */
    refuse: (operation: Operation) => void away.add(operation),
    comeBack: () => away.clear(),
  }
}
