/**
 * What V8 is told for a guard, and cannot be told later. Its garbage is nearly all young: a nursery of 4 MiB holds what is
 * under way on some hundred connections, so that nothing of it grows old; a larger one is only memory. One thread beside
 * the main one compiles and collects: every thread keeps megabytes of its own, and a guard has one core at most.
 * The authorizer, whose garbage is as young, is told the same.
 */
export const guardFlags = ['--max-semi-space-size=4', '--v8-pool-size=1'] as const

const mebibyte = 1_048_576
/** What lies outside of the heap for old objects: code, the nursery, buffers of connections and of what is read. */
const outsideLeast = 96 * mebibyte
const outsideShare = 1 / 4

/**
 * The same for a guard with a limit of memory. By itself V8 takes half of the limit, and a large policy that takes the
 * place of another one needs more; a heap as large as the limit would grow into it before it is collected.
 * @param memoryBytes the limit; undefined: it has none
 */
export function guardFlagsWithin(memoryBytes: number | undefined): readonly string[] {
  if (memoryBytes === undefined) return guardFlags
  const outside = Math.max(outsideLeast, memoryBytes * outsideShare)
  const heap = Math.max(memoryBytes / 2, memoryBytes - outside)
  return [...guardFlags, `--max-old-space-size=${Math.floor(heap / mebibyte)}`]
}

/** Beside the snapshot, in the volume that no container but the guard's may mount. */
export const stopSocketName = 'stop.sock'
