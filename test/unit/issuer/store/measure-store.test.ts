import { expect, test } from 'vitest'
import { measureStore } from '../../../../issuer/store/measure-store.ts'
import { StoreError, type TokenStore } from '../../../../issuer/store/store.ts'
import { createMetrics } from '../../../../platform/metrics.ts'

const key = { type: 'Code', tenant: 'installation', id: 'a-code' } as const

test('operations are counted by what came of them, and what came of them is told as it is', async () => {
  let fault: string | undefined
  const store: TokenStore = {
    claim: async () => 'held',
    put: () => Promise.reject(new StoreError('tenant_full')),
    get: () => Promise.reject(new TypeError('a mistake')),
    take: async () => ({ endsAt: 1, value: undefined }),
    async *list() {},
    follow: () => Promise.reject(new Error('nobody follows')) as never,
    fault: () => fault,
    start: () => undefined,
    stop: async () => undefined,
  }
  const metrics = createMetrics({ process: 'issuer' })
  const measured = measureStore(store, metrics)
  expect(await measured.claim(key, { endsAt: 1 })).toBe('held')
  expect(await measured.take(key)).toEqual({ endsAt: 1, value: undefined })
  await expect(measured.put(key, { endsAt: 1 })).rejects.toMatchObject({ reason: 'tenant_full' })
  await expect(measured.get(key)).rejects.toThrow('a mistake')
  fault = 'the token store was not reached yet'
  const { body } = await metrics.exposition()
  expect(body.match(/^latchkey_issuer_store_.*$/gm)).toEqual([
    'latchkey_issuer_store_operations_total{operation="claim",result="done"} 1',
    'latchkey_issuer_store_operations_total{operation="take",result="done"} 1',
    'latchkey_issuer_store_operations_total{operation="put",result="tenant_full"} 1',
    'latchkey_issuer_store_operations_total{operation="get",result="mistake"} 1',
    'latchkey_issuer_store_faulty 1',
  ])
})
