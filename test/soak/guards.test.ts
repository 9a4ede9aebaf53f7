import { expect, test } from 'vitest'
import { guardsOutliveIssuers } from '../integration/crowd/guard-crowd.ts'

test('1,000 guards of 100 services are current within 10 s when all replicas of the issuer are back', async () => {
  const size = { namespaces: 10, servicesOfEach: 10, guardsOfEach: 10, patienceMs: 120_000 }
  const { allCurrentMs, peakMebibytes, connections } = await guardsOutliveIssuers(size)
  console.log({ allCurrentMs, peakMebibytes, connections })
  expect(allCurrentMs).toBeLessThan(10_000)
})
