import { maxSliceBytes } from './frames.ts'

const mebibyte = 1_048_576

/** What a guard needs besides its policy: Node, its own code, calls under way. */
const besideBytes = 112 * mebibyte
/**
 * Memory for a byte of JSON, while a whole slice takes the place of another one, and all clients of the one before have called:
 * three are alive in each, as many again is what the collector has not come to, and some lie in what calls left behind.
 */
const perByte = 12
/** Some policy always fits: roles and a few thousand clients. */
const leastBytes = mebibyte
/** Memory is told in steps: a slice that grows by a client changes no status. */
const toldBytes = 64 * mebibyte

/**
 * How large a policy a guard takes, so that a large one never ends its process: what it has stays in force instead.
 * @param memoryBytes its limit; 0 or more than a machine has: none
 * @param slices that share it
 */
export function sliceBound(memoryBytes: number, slices = 1): number {
  if (memoryBytes === 0) return maxSliceBytes
  return Math.min(maxSliceBytes, Math.max(leastBytes, Math.floor((memoryBytes - besideBytes) / perByte / slices)))
}

/**
 * The memory with which a guard takes a slice of this size, bytes, in steps of 64 MiB.
 * @param slices that share it
 * @returns undefined when no memory does: the slice is larger than any that is sent
 */
export function memoryFor(sliceBytes: number, slices = 1): number | undefined {
  if (sliceBytes > maxSliceBytes) return undefined
  return Math.ceil((besideBytes + sliceBytes * perByte * slices) / toldBytes) * toldBytes
}
