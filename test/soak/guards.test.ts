import { test } from 'vitest'
import { guardsOutliveIssuers } from '../integration/crowd/guard-crowd.ts'

test('1,000 guards of 100 services go on when all replicas of the issuer end at once, and are current when they are back', async () => {
  const size = { namespaces: 10, servicesOfEach: 10, guardsOfEach: 10, patienceMs: 120_000 }
  console.log(await guardsOutliveIssuers(size))
})
