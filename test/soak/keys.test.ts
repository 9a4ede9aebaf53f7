import { test } from 'vitest'
import { operatorBearsKeys } from '../integration/crowd/key-crowd.ts'

test('10,000 keys of 500 namespaces are minted within the memory of the chart; operator and issuer start within it, and nothing is written twice (F22)', async () => {
  const size = { namespaces: 500, keysOfEach: 20, patienceMs: 900_000, idleMs: 20_000, lookMs: 10_000 }
  console.log(await operatorBearsKeys(size))
}, 1_500_000)
