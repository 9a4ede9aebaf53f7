import { expect, test } from 'vitest'
import type { AccessKey, AccessKeyStatus } from '../../../../core/api/access-key.ts'
import type { ObservedSecret } from '../../../../core/keys/judge-secret.ts'
import type { ObservedAccessKey, SecretWrite, StatusWrite } from '../../../../core/keys/key-plan.ts'
import { mintedSecret } from '../../../../core/keys/minted-secret.ts'
import { planAccessKey } from '../../../../core/keys/plan-access-key.ts'
import { type SecretObject, type SecretSlot, secretAnnotations, secretFile } from '../../../../core/keys/secret-data.ts'
import { accessKeyOf, ca, clientOf, issuer, publishAheadSeconds, start } from './access-key-store.ts'

// Every order in which two leaders, time, a clock that jumps, a person with an editor and one who revokes can come: a
// leader reads and writes in two steps, and a crash is a read that no write follows.

type Write = SecretWrite | StatusWrite

/** All there is, but for the leaders. Versions are numbers of writes. */
interface World {
  readonly status: AccessKeyStatus | undefined
  readonly version: number
  readonly mounted: SecretObject | undefined
  readonly staged: SecretObject | undefined
  readonly now: number
  readonly revoked: boolean
  readonly requested: boolean
  readonly minted: number
  /** Kids that were ever published as next ones. */
  readonly pending: readonly string[]
  readonly left: { readonly edits: number; readonly jumps: number; readonly revocations: number }
}

interface State {
  readonly world: World
  /** What each leader is about to write. */
  readonly leaders: readonly [Write | undefined, Write | undefined]
}

const client = clientOf()
const requestedAt = new Date((start + 10) * 1_000).toISOString()

function keyOf({ status, version, revoked, requested }: World): AccessKey {
  const key = accessKeyOf({ ...(requested && { rotation: { requestedAt } }), ...(revoked && { revoked: {} }) }, status)
  return { ...key, metadata: { ...key.metadata, resourceVersion: String(version) } }
}

function materialOf(kid: string) {
  const publicKey = { kty: 'OKP', crv: 'Ed25519', x: kid } as const
  return { kid, privateJwk: { ...publicKey, d: 'd' }, privatePem: 'pem', publicKey }
}

function found(object: SecretObject | undefined): ObservedSecret | undefined {
  const kid = object && secretFile(object, 'key-id')
  if (!object) return undefined
  return { object, ...(kid !== undefined && { key: { ...materialOf(kid), clientId: client.clientId } }) }
}

function observed(world: World): ObservedAccessKey & { client: typeof client } {
  return {
    accessKey: keyOf(world),
    client,
    secrets: { mounted: found(world.mounted), staged: found(world.staged) },
    missingRoles: [],
    issuer,
    ca,
    enforced: { state: 'enforced' },
    publishAheadSeconds,
    stalenessSeconds: 86_400,
  }
}

const planOf = (world: World): Write | undefined => planAccessKey(observed(world), world.now).write

/** The world after a write; the same one where the API server refuses it. */
function written(world: World, write: Write): World {
  if (write.kind === 'status') {
    const pending = (write.status.keys ?? []).filter(({ state }) => state === 'Pending').map(({ kid }) => kid)
    const all = [...new Set([...world.pending, ...pending])].toSorted()
    return { ...world, status: write.status, version: world.version + 1, pending: all }
  }
  const minted = write.kind === 'mint' ? world.minted + 1 : world.minted
  const next =
    write.kind === 'mint'
      ? mintedSecret(observed(world), materialOf(`k${minted}`), write)
      : (write.secret as SecretObject)
  const secret = write.kind === 'delete-secret' ? undefined : put(next, world, write.slot)
  return { ...world, minted, [write.slot]: secret }
}

function put(secret: SecretObject, world: World, slot: SecretSlot): SecretObject {
  const before = world[slot]
  const version = String(Number(before?.metadata.resourceVersion ?? '0') + 1)
  return {
    ...secret,
    metadata: { ...secret.metadata, uid: before?.metadata.uid ?? `uid-${slot}`, resourceVersion: version },
  }
}

/** A creation is refused where there is one. What the API server refuses besides, `kept` has dropped. */
function isTaken(world: World, write: Write): boolean {
  return write.kind === 'status' || !isCreation(write) || world[write.slot] === undefined
}

function isCreation(write: SecretWrite): boolean {
  return write.kind === 'create-secret' || (write.kind === 'mint' && !write.previous)
}

function successors({ world, leaders }: State): State[] {
  const next: State[] = []
  for (const index of [0, 1] as const) {
    const other = leaders[1 - index]
    const write = leaders[index]
    // A creation stays possible for as long as nothing is there; of what else was read nothing may have changed.
    const lead = (after: World, mine: Write | undefined): State => ({
      world: after,
      leaders: [mine, other && kept(world, after, other)],
    })
    if (write) next.push(lead(isTaken(world, write) ? written(world, write) : world, undefined))
    else {
      const plan = planOf(world)
      if (plan) next.push(lead(world, plan))
    }
  }
  for (const after of happenings(world)) {
    next.push({
      world: after,
      leaders: [leaders[0] && kept(world, after, leaders[0]), leaders[1] && kept(world, after, leaders[1])],
    })
  }
  return next
}

/** A write that was planned before and will be refused is none. */
function kept(before: World, after: World, write: Write): Write | undefined {
  if (write.kind === 'status') return before.version === after.version ? write : undefined
  if (isCreation(write)) return write
  return before[write.slot] === after[write.slot] ? write : undefined
}

function happenings(world: World): World[] {
  const { left, now, mounted, staged } = world
  const after: World[] = []
  const moments = [start + 10, start + 20 + publishAheadSeconds, start + 20 + publishAheadSeconds + 90_000]
  const moment = moments.find(one => one > now)
  if (moment !== undefined) after.push({ ...world, now: moment })
  if (left.jumps > 0) {
    for (const jump of [-300, 300]) after.push({ ...world, now: now + jump, left: { ...left, jumps: left.jumps - 1 } })
  }
  if (left.edits > 0) {
    const edited = { ...world, left: { ...left, edits: left.edits - 1 } }
    if (mounted)
      after.push(
        { ...edited, mounted: undefined },
        { ...edited, mounted: put({ ...mounted, data: {} }, world, 'mounted') },
      )
    if (staged)
      after.push({ ...edited, staged: undefined }, { ...edited, staged: put({ ...staged, data: {} }, world, 'staged') })
  }
  if (left.revocations > 0) {
    const gone = { ...left, revocations: left.revocations - 1 }
    after.push({ ...world, revoked: true, version: world.version + 1, left: gone })
  }
  return after
}

const states = (world: World, state: string) => (world.status?.keys ?? []).filter(key => key.state === state)

function expectSound(before: World, after: World, edits: number): void {
  expect(states(after, 'Active').length).toBeLessThanOrEqual(1)
  for (const { kid } of states(before, 'Revoked')) {
    expect((after.status?.keys ?? []).find(key => key.kid === kid)?.state, 'a revoked key came back').toBe('Revoked')
  }
  const allowed = 1 + edits - after.left.edits
  expect(after.pending.length, 'keys published for one rotation').toBeLessThanOrEqual(allowed)
  const kid = after.mounted && secretFile(after.mounted, 'key-id')
  // Before the first status there is nothing that calls could lose.
  if (after.mounted === before.mounted || kid === undefined || states(before, 'Active').length === 0) return
  if (after.left.edits < edits) return
  expect(
    (before.status?.keys ?? []).map(one => one.kid),
    'handed out and not published',
  ).toContain(kid)
}

/** One leader alone, with nothing in its way. @returns the world at rest */
function settled(world: World): World {
  let at = world
  for (let passes = 0; passes < 30; passes++) {
    const write = planOf(at)
    if (!write) return at
    at = written(at, write)
  }
  throw new Error('does not come to rest')
}

function expectFinished(world: World): void {
  let at = settled(world)
  for (let round = 0; round < 3; round++)
    at = settled({ ...at, now: Math.max(at.now, start + 20) + publishAheadSeconds })
  at = settled({ ...at, now: at.now + 90_000 })
  expect(at.staged).toBeUndefined()
  const kids = (at.status?.keys ?? []).filter(({ state }) => state !== 'Revoked').map(({ kid, state }) => [kid, state])
  if (at.revoked) {
    expect(kids).toEqual([])
    expect(Object.keys(at.mounted?.data ?? {})).toEqual([])
    return
  }
  expect(kids).toEqual([[at.mounted && secretFile(at.mounted, 'key-id'), 'Active']])
  expect(at.status?.conditions?.find(({ type }) => type === 'Ready')?.reason).toBe('Ready')
}

// Without versions, which say only what `kept` looked at, and without what stands in every Secret.
function nameOfSecret(secret: SecretObject | undefined): string {
  if (!secret) return 'none'
  return `${secretFile(secret, 'key-id')}/${secret.metadata.annotations?.[secretAnnotations.keyNumber]}`
}

function nameOfWorld({ mounted, staged, version: _, ...rest }: World): string {
  return `${nameOfSecret(mounted)} ${nameOfSecret(staged)} ${JSON.stringify(rest)}`
}

function nameOfWrite(write: Write | undefined): string {
  if (!write) return 'none'
  if (write.kind === 'status') return JSON.stringify(write.status)
  return `${write.kind} ${write.slot} ${write.kind === 'mint' ? write.number : nameOfSecret(write.secret)}`
}

/** Looks at every state that can be reached. @returns how many there are */
function search(left: World['left']): number {
  const world: World = {
    ...settled({
      status: undefined,
      version: 1,
      mounted: undefined,
      staged: undefined,
      now: start,
      revoked: false,
      requested: false,
      minted: 0,
      pending: [],
      left,
    }),
    requested: true,
  }
  const nameOf = ({ world: at, leaders }: State) =>
    `${nameOfWorld(at)} ${leaders.map(nameOfWrite).toSorted().join(' ')}`
  const first: State = { world, leaders: [undefined, undefined] }
  const seen = new Set([nameOf(first)])
  const finished = new Set<string>()
  const queue = [first]
  for (let state = queue.pop(); state; state = queue.pop()) {
    for (const next of successors(state)) {
      const name = nameOf(next)
      if (seen.has(name)) continue
      seen.add(name)
      expectSound(state.world, next.world, left.edits)
      const rest = nameOfWorld(next.world)
      if (!finished.has(rest)) {
        finished.add(rest)
        expectFinished(next.world)
      }
      queue.push(next)
    }
  }
  return seen.size
}

test.each([
  ['while a clock jumps', { edits: 0, jumps: 1, revocations: 0 }],
  ['and a revocation', { edits: 0, jumps: 0, revocations: 1 }],
  ['and an edit of either Secret', { edits: 1, jumps: 0, revocations: 0 }],
  ['and an edit and a revocation', { edits: 1, jumps: 0, revocations: 1 }],
])(
  'two leaders, stopped anywhere, hand over one published key %s (F03, F07, F09)',
  (_, left) => {
    const count = search(left)
    expect(count).toBeGreaterThan(1_000)
  },
  120_000,
)
