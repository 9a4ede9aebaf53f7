import type { AccessKeyPlan, ObservedAccessKey, SecretWrite } from '../../core/keys/key-plan.ts'
import { planAccessKey } from '../../core/keys/plan-access-key.ts'
import { KubeError } from '../../platform/kube/client.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'
import { type AccessKeyReads, observeAccessKey } from './observe-access-key.ts'
import type { RepairMemory } from './repair-memory.ts'
import { type AccessKeyWrites, writePlanned } from './write-planned.ts'

/** The seam between the passes over AccessKeys and the API server. */
export interface AccessKeyIo {
  readonly reads: AccessKeyReads
  readonly writes: AccessKeyWrites
  readonly repairs: RepairMemory
  /** Milliseconds since epoch. */
  now(): number
  /** In [0, 1). */
  random(): number
}

// Secrets are not watched: a sweep asks for their versions, and each is read and proved again now and then besides;
// sooner where a person may be repairing something.
const rereadMs = 10 * 60_000
const rereadStuckMs = 30_000
// Quotas, admission policies, namespaces that are ending: the same Secret is refused again until a person does something.
const refusals = [400, 403, 422]

/**
 * One pass: reads the AccessKey and its Secrets live, decides, makes at most one write, and comes back. Two operators
 * that both believe they lead mint one key: of two creations one is refused, and a refused pass starts over by reading.
 */
export async function reconcileAccessKey(key: string, io: AccessKeyIo): Promise<Requeue> {
  const ca = io.reads.authorities()
  // Without the authority's certificate a Secret would be incomplete. It is made at the start, and soon there.
  if (ca === undefined) return { requeueAfterMs: 250 }
  const found = await observeAccessKey(key, ca, io.reads)
  if (!found) return undefined
  const observed = { ...found, repairs: io.repairs.of(found.accessKey) }
  const now = Math.floor(io.now() / 1_000)
  const plan = planAccessKey(observed, now)
  if (!plan.write) return rest(plan, observed, io)
  try {
    if ((await writePlanned(plan.write, observed, io.writes)) === 'not yet') return { requeueAfterMs: rereadStuckMs }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    // Somebody was quicker, or the object is gone: what there is now decides.
    if (error.status === 409 || error.status === 404) return { requeueAfterMs: 50 + io.random() * 100 }
    if (refusals.includes(error.status) && isNeeded(plan.write)) return reportRefused(plan.write, observed, io, now)
    throw error
  }
  if (plan.repair) io.repairs.made(observed.accessKey, plan.repair, now)
  io.writes.record(observed.accessKey, plan.events)
  // A written status starts the next pass by itself; Secrets are not watched.
  return plan.write.kind === 'status' ? rest(plan, observed, io) : { requeueAfterMs: 0 }
}

/** Without it the key cannot be what its status would say. A refreshing can wait: it is tried again, and logged. */
function isNeeded(write: NonNullable<AccessKeyPlan['write']>): write is SecretWrite {
  return write.kind !== 'status' && write.kind !== 'refresh-secret'
}

/** The refused write was none, so this is the pass's one write. */
async function reportRefused(
  { slot }: SecretWrite,
  observed: ObservedAccessKey,
  io: AccessKeyIo,
  now: number,
): Promise<Requeue> {
  const { mounted } = observed.secrets
  const immutable = slot === 'mounted' && typeof mounted === 'object' && mounted.object.immutable === true
  const plan = planAccessKey({ ...observed, immutable, secrets: { ...observed.secrets, [slot]: 'refused' } }, now)
  if (plan.write?.kind === 'status') {
    await io.writes.writeStatus(observed.accessKey, plan.write.status)
    io.writes.record(observed.accessKey, plan.events)
  }
  return { requeueAfterMs: jittered(rereadStuckMs, io) }
}

function rest(plan: AccessKeyPlan, observed: ObservedAccessKey, io: AccessKeyIo): Requeue {
  const stuck = observed.accessKey.status?.conditions?.some(condition => condition.type === 'Stalled')
  const due = plan.nextAt === undefined ? Number.POSITIVE_INFINITY : Math.max(0, plan.nextAt * 1_000 - io.now())
  const reread = observed.accessKey.spec.publicKey
    ? Number.POSITIVE_INFINITY
    : jittered(stuck ? rereadStuckMs : rereadMs, io)
  const after = Math.min(due, reread)
  return Number.isFinite(after) ? { requeueAfterMs: after } : undefined
}

/** Spread over a fifth, so that keys made together are not read together for ever. */
function jittered(ms: number, io: AccessKeyIo): number {
  return ms * (0.9 + io.random() / 5)
}
