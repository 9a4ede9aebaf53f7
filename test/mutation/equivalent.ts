import { base } from './equivalent/base.ts'
import { credential } from './equivalent/credential.ts'
import { keys } from './equivalent/keys.ts'
import { matching } from './equivalent/matching.ts'
import { policy } from './equivalent/policy.ts'
import { rows } from './equivalent/rows.ts'
import { snapshot } from './equivalent/snapshot.ts'
import { wire } from './equivalent/wire.ts'
import type { Equivalent } from './report.ts'

/** What survives `make mutation` and may: with it, the file gives the same answers. */
export const equivalent: readonly Equivalent[] = [
  ...base,
  ...credential,
  ...keys,
  ...matching,
  ...policy,
  ...rows,
  ...snapshot,
  ...wire,
]
