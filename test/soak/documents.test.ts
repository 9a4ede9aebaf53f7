import { test } from 'vitest'
import { issuerBearsCrowd } from '../integration/crowd/issuer-crowd.ts'
import { operatorBearsCrowd } from '../integration/crowd/operator-crowd.ts'

test("500 long documents of one tenant cost the operator no lease, no probe and no other tenant's service (S07)", () =>
  operatorBearsCrowd(500, 60_000))

test("500 long documents of one tenant cost the issuer no probe and no other tenant's slice (S07)", () =>
  issuerBearsCrowd(500, 60_000))
