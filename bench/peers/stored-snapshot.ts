import { sliceHash } from '../../core/rows/hash.ts'
import type { Row } from '../../core/rows/rows.ts'
import { createPolicy } from '../../enforce/policy/policy.ts'
import { createSlice } from '../../enforce/policy/slice.ts'
import { createSnapshotFile } from '../../enforce/policy/snapshot-file.ts'
import { systemClock } from '../../platform/clock.ts'
import { createLog } from '../../platform/log.ts'

/** Stores a snapshot as a guard does it, for one that starts while the issuer is away. @throws Error when it cannot */
export async function storeSnapshot(path: string, service: string, rows: readonly Row[]): Promise<void> {
  const failures: string[] = []
  const log = createLog({ process: 'bench', level: 'error', destination: { write: line => void failures.push(line) } })
  const policy = createPolicy(systemClock)
  const slice = createSlice(policy)
  const file = createSnapshotFile({ path, service, slice, policy, clock: systemClock, log })
  const taken = slice.take({ full: { rows }, seen: { apiclients: '1' }, hash: sliceHash(rows) })
  file.save()
  await file.settled()
  if (taken !== 'applied' || failures.length > 0) throw new Error(`no snapshot was stored: ${taken} ${failures.join()}`)
}
