import type { AccessKey } from '../../core/api/access-key.ts'
import type { ObservedSecret } from '../../core/keys/judge-secret.ts'
import {
  type AccessKeyPlan,
  mintedSecret,
  type ObservedAccessKey,
  planAccessKey,
} from '../../core/keys/plan-access-key.ts'
import type { KeyMaterial, SecretObject } from '../../core/keys/secret-data.ts'
import { secretNameOf } from '../../core/keys/secret-data.ts'
import type { ResolvedClient } from '../../core/registry/resolve-clients.ts'
import type { EnforcedView, PlannedEvent } from '../../core/status/report.ts'
import { KubeError } from '../../platform/kube/client.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'

/** What a pass over an AccessKey reads and writes. Reads are live; each write is conditional on what was read. */
export interface AccessKeyIo {
  /** Undefined when it is gone, is going, or is not of this installation. */
  getAccessKey(key: string): Promise<AccessKey | undefined>
  getSecret(namespace: string, name: string): Promise<SecretObject | undefined>
  /** Refused with 409 when there is one of that name. */
  createSecret(secret: SecretObject): Promise<void>
  /** Refused with 409 unless uid and resourceVersion are the current ones. */
  updateSecret(secret: SecretObject): Promise<void>
  /** Refused with 409 unless the resourceVersion is the current one. */
  writeStatus(accessKey: AccessKey, status: NonNullable<AccessKey['status']>): Promise<void>
  client(accessKey: AccessKey): ResolvedClient | undefined
  prove(secret: SecretObject, accessKey: AccessKey): ObservedSecret
  /** Undefined while it is being made; the AccessKey is looked at again when it is there. */
  generate(accessKey: AccessKey): Promise<KeyMaterial | undefined>
  schemaFault(accessKey: AccessKey): string | undefined
  /** `namespace/name` of roles that the spec names and that do not exist. */
  missingRoles(accessKey: AccessKey): readonly string[]
  enforced(accessKey: AccessKey): EnforcedView
  record(accessKey: AccessKey, events: readonly PlannedEvent[]): void
  readonly issuer: string
  authorities(): string | undefined
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
 * One pass: reads the AccessKey and its Secret live, decides, makes at most one write, and comes back. Two operators
 * that both believe they lead mint one key: of two creations one is refused, and a refused pass starts over by reading.
 */
export async function reconcileAccessKey(key: string, io: AccessKeyIo): Promise<Requeue> {
  const ca = io.authorities()
  // Without the authority's certificate a Secret would be incomplete. It is made at the start, and soon there.
  if (ca === undefined) return { requeueAfterMs: 250 }
  const observed = await observe(key, ca, io)
  if (!observed) return undefined
  const now = Math.floor(io.now() / 1_000)
  const plan = planAccessKey(observed, now)
  if (!plan.write) return rest(plan, observed, io)
  try {
    if ((await write(plan.write, observed, io)) === 'not yet') return { requeueAfterMs: rereadStuckMs }
  } catch (error) {
    if (!(error instanceof KubeError)) throw error
    // Somebody was quicker, or the object is gone: what there is now decides.
    if (error.status === 409 || error.status === 404) return { requeueAfterMs: 50 + io.random() * 100 }
    if (refusals.includes(error.status) && isNeeded(plan.write)) return reportRefused(observed, io, now)
    throw error
  }
  io.record(observed.accessKey, plan.events)
  // A written status starts the next pass by itself; Secrets are not watched.
  return plan.write.kind === 'status' ? rest(plan, observed, io) : { requeueAfterMs: 0 }
}

async function observe(key: string, ca: string, io: AccessKeyIo): Promise<ObservedAccessKey | undefined> {
  const accessKey = await io.getAccessKey(key)
  if (!accessKey) return undefined
  return {
    accessKey,
    client: io.client(accessKey),
    secret: await observeSecret(accessKey, io),
    schemaFault: io.schemaFault(accessKey),
    missingRoles: io.missingRoles(accessKey),
    issuer: io.issuer,
    ca,
    enforced: io.enforced(accessKey),
  }
}

async function observeSecret(accessKey: AccessKey, io: AccessKeyIo): Promise<ObservedAccessKey['secret']> {
  if (accessKey.spec.publicKey) return undefined
  try {
    const secret = await io.getSecret(accessKey.metadata.namespace ?? '', secretNameOf(accessKey))
    return secret && io.prove(secret, accessKey)
  } catch (error) {
    if (error instanceof KubeError && error.status === 403) return 'forbidden'
    throw error
  }
}

async function write(
  planned: NonNullable<AccessKeyPlan['write']>,
  observed: ObservedAccessKey,
  io: AccessKeyIo,
): Promise<'written' | 'not yet'> {
  const { accessKey, client } = observed
  switch (planned.kind) {
    case 'status':
      await io.writeStatus(accessKey, planned.status)
      return 'written'
    case 'update-secret':
    case 'refresh-secret':
      await io.updateSecret(planned.secret)
      return 'written'
    case 'mint': {
      if (!client) throw new Error('a key is minted for a known client only')
      const material = await io.generate(accessKey)
      if (!material) return 'not yet'
      const secret = mintedSecret({ ...observed, client }, material, planned)
      await (planned.previous ? io.updateSecret(secret) : io.createSecret(secret))
      return 'written'
    }
  }
}

/** Without it the key cannot be what its status would say. A refreshing can wait: it is tried again, and logged. */
function isNeeded({ kind }: NonNullable<AccessKeyPlan['write']>): boolean {
  return kind === 'mint' || kind === 'update-secret'
}

/** The refused write was none, so this is the pass's one write. */
async function reportRefused(observed: ObservedAccessKey, io: AccessKeyIo, now: number): Promise<Requeue> {
  const plan = planAccessKey({ ...observed, secret: 'refused' }, now)
  if (plan.write?.kind === 'status') {
    await io.writeStatus(observed.accessKey, plan.write.status)
    io.record(observed.accessKey, plan.events)
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
