import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { StoreError, type StoreReason } from '../../../../issuer/store/store.ts'
import { repositoryRoot } from '../../../cluster/binaries.ts'

const all: Record<StoreReason, true> = {
  store_unavailable: true,
  store_unsafe: true,
  store_full: true,
  tenant_full: true,
  value_too_large: true,
}

test('each reason for which the token store refuses has its line in the documentation, and a sentence of its own', () => {
  const page = readFileSync(join(repositoryRoot, 'docs/token-store.md'), 'utf8')
  const documented = [...page.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, reason]) => reason)
  const reasons = Object.keys(all) as StoreReason[]
  expect(documented.toSorted()).toEqual(reasons.toSorted())
  expect(new Set(reasons.map(reason => new StoreError(reason).message)).size).toBe(reasons.length)
})
