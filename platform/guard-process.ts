/**
 * What V8 is told for a guard, and cannot be told later. Its garbage is nearly all young: a nursery of 4 MiB holds what is
 * under way on some hundred connections, so that nothing of it grows old; a larger one is only memory. One thread beside
 * the main one compiles and collects: every thread keeps megabytes of its own, and a guard has one core at most.
 * The authorizer, whose garbage is as young, is told the same.
 */
export const guardFlags = ['--max-semi-space-size=4', '--v8-pool-size=1'] as const

/** Beside the snapshot, in the volume that no container but the guard's may mount. */
export const stopSocketName = 'stop.sock'
