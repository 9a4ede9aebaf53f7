import { test } from 'vitest'
import { guardsOutliveIssuers } from './guard-crowd.ts'
import { issuerBearsCrowd } from './issuer-crowd.ts'
import { operatorBearsKeys } from './key-crowd.ts'
import { operatorBearsCrowd } from './operator-crowd.ts'

/** Processes start twice, on a machine that may stand still. */
const patience = 180_000

// 500 of them, for minutes, are in test/soak.
test("12 long documents of one tenant cost the operator no lease, no probe and no other tenant's service (S07)", () =>
  operatorBearsCrowd(12, 5_000))

test("12 long documents of one tenant cost the issuer no probe and no other tenant's slice (S07)", () =>
  issuerBearsCrowd(12, 5_000))

// 1,000 guards are in test/soak.
test(
  '24 guards go on when all replicas of the issuer end at once, and have what is in force when they are back',
  () => guardsOutliveIssuers({ namespaces: 2, servicesOfEach: 2, guardsOfEach: 6, patienceMs: 60_000 }),
  patience,
)

// 10,000 keys of 500 namespaces are in test/soak.
test(
  '60 keys of 6 namespaces are minted within the memory of the chart, bad ones delay nobody, and starts find all and write nothing twice (F22)',
  async () => {
    const size = { namespaces: 6, keysOfEach: 10, patienceMs: 100_000, idleMs: 2_000, lookMs: 250 }
    await operatorBearsKeys(size)
  },
  patience,
)
