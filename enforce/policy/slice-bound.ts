import { maxSliceBytes } from '../../core/rows/frames.ts'

/** What a guard needs besides its policy: Node, its own code, calls under way. */
const besideBytes = 112 * 1_048_576
/** Memory for a byte of JSON, while a whole slice takes the place of another one. */
const perByte = 10
/** Some policy always fits: roles and a few thousand clients. */
const leastBytes = 1_048_576

/**
 * How large a policy a guard takes, so that a large one never ends its process: what it has stays in force instead.
 * @param memoryBytes its limit; 0 or more than a machine has: none
 * @param slices that share it
 */
export function sliceBound(memoryBytes: number, slices = 1): number {
  if (memoryBytes === 0) return maxSliceBytes
  return Math.min(maxSliceBytes, Math.max(leastBytes, Math.floor((memoryBytes - besideBytes) / perByte / slices)))
}
