import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PublishedKey } from '../../../../core/api/access-key.ts'
import {
  desiredSecret,
  type SecretObject,
  type SecretSlot,
  secretFile,
  secretFiles,
} from '../../../../core/keys/secret-data.ts'
import { type AccessKeyIo, reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { generateKeyMaterial, proveSecretKey } from '../../../../operator/access-key/key-material.ts'
import { accessKeyOf, ca, clientOf, createStore, issuer, publishAheadSeconds, type Store } from './access-key-store.ts'

/** What may happen next. Actors take one step of their input or output at a time, so every interleaving is reached. */
type Step =
  | { do: 'step'; actor: 0 | 1 }
  | { do: 'crash'; actor: 0 | 1; when: 'before' | 'after' }
  | {
      do:
        | 'delete-secret'
        | 'edit-secret'
        | 'restore-secret'
        | 'delete-next'
        | 'edit-next'
        | 'swap'
        | 'rotate'
        | 'suspend'
        | 'clock-back'
        | 'revoke'
        | 'renew'
        | 'orphan'
        | 'wait'
        | 'touch'
        | 'rest'
    }

const steps: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant('step' as const), actor: fc.constantFrom(0 as const, 1 as const) }),
  fc.record({
    do: fc.constant('crash' as const),
    actor: fc.constantFrom(0 as const, 1 as const),
    when: fc.constantFrom('before' as const, 'after' as const),
  }),
  fc.record({
    do: fc.constantFrom(
      'delete-secret' as const,
      'edit-secret' as const,
      'restore-secret' as const,
      'delete-next' as const,
      'edit-next' as const,
      'swap' as const,
      'rotate' as const,
      'rotate' as const,
      'suspend' as const,
      'clock-back' as const,
      'renew' as const,
      'orphan' as const,
      'wait' as const,
      'touch' as const,
      'rest' as const,
    ),
  }),
  fc.record({ do: fc.constant('revoke' as const) }),
]
const history = fc.array(
  fc.oneof(
    { weight: 40, arbitrary: steps[0] as fc.Arbitrary<Step> },
    { weight: 4, arbitrary: steps[1] as fc.Arbitrary<Step> },
    { weight: 8, arbitrary: steps[2] as fc.Arbitrary<Step> },
    { weight: 1, arbitrary: steps[3] as fc.Arbitrary<Step> },
  ),
  { minLength: 20, maxLength: 150 },
)

test('two operators at once mint one key whatever crashes in between, and every history ends in one state (F03, F07, F10)', async () => {
  await fc.assert(fc.asyncProperty(history, run), { numRuns: 150 })
}, 120_000)

test('a Secret that is not ours is never written, whatever is done to the AccessKey (K09)', async () => {
  const foreign: SecretObject = { type: 'Opaque', metadata: { name: 'web', namespace: 'shop' }, data: { a: 'Yg==' } }
  const mine = ['revoke', 'renew', 'orphan', 'wait', 'touch', 'rest', 'step', 'crash']
  const property = fc.asyncProperty(history, async steps => {
    const store = createStore(accessKeyOf(), (_, next) => expect(next).toBeUndefined())
    store.putSecret(foreign)
    const before = store.secret
    await play(
      store,
      steps.filter(step => mine.includes(step.do)),
    )
    expect(store.secret).toEqual(before)
  })
  await fc.assert(property, { numRuns: 60 })
}, 60_000)

async function run(history: Step[]): Promise<void> {
  const published = new Set<string>()
  const revoked = new Set<string>()
  const store = createStore(accessKeyOf(), (current, next) => {
    if (next && next.metadata.name === 'web') expectNoLivingKeyReplaced(current, next, published)
  })
  const look = (): void => {
    const keys = store.accessKey.status?.keys ?? []
    expect(keys.filter(key => key.state === 'Active').length).toBeLessThanOrEqual(1)
    for (const key of keys) {
      if (key.state === 'Revoked') revoked.add(key.kid)
      else expect(revoked, 'a revoked key came back').not.toContain(key.kid)
      if (key.state === 'Active' || key.state === 'Pending') published.add(key.kid)
    }
  }
  await play(store, history, look)
  look()
  expectSettled(store)
  expect(store.next, 'the Secret of a next key is left').toBeUndefined()
}

/** A pass must not take a key away from its workload that is published, in use and wanted, but for one that was published ahead. */
function expectNoLivingKeyReplaced(store: Store, next: SecretObject, ahead: ReadonlySet<string>): void {
  const { status, spec } = store.accessKey
  const held = store.secret && proveSecretKey(store.secret, 'Ed25519')
  const inUse = (status?.keys ?? []).find((key: PublishedKey) => key.kid === held?.kid && key.state === 'Active')
  if (!held || !inUse || spec.revoked) return
  if (spec.keysNotBefore && Date.parse(inUse.notBefore) < Date.parse(spec.keysNotBefore)) return
  const kid = secretFile(next, 'key-id') ?? ''
  if (kid !== held.kid) expect(ahead, 'handed out and never published').toContain(kid)
}

function expectSettled(store: Store): void {
  const { status, spec } = store.accessKey
  const active = (status?.keys ?? []).filter(key => key.state === 'Active')
  const ready = status?.conditions?.find(condition => condition.type === 'Ready')
  expect(ready?.status).toBe('True')
  if (spec.revoked) {
    expect(active).toEqual([])
    expect(status?.state).toBe('Revoked')
    expect(Object.keys(store.secret?.data ?? {})).toEqual([])
    return
  }
  const held = store.secret && proveSecretKey(store.secret, 'Ed25519')
  expect(active.map(key => key.kid)).toEqual([held?.kid])
  expect(active[0]?.publicKey).toEqual(held?.publicKey)
  expect(status?.keyId).toBe(held?.kid)
  expect(store.secret?.metadata.ownerReferences?.length ?? 0).toBe(spec.deletionPolicy === 'Orphan' ? 0 : 1)
}

async function play(store: Store, history: Step[], look: () => void = () => {}): Promise<void> {
  const actors = [createActor(store), createActor(store)] as const
  let backup: SecretObject | undefined
  for (const step of history) {
    switch (step.do) {
      case 'step':
        await actors[step.actor].step()
        break
      case 'crash':
        await actors[step.actor].crash(step.when)
        break
      case 'delete-secret':
        backup ??= store.secret
        store.putSecret(undefined)
        break
      case 'restore-secret':
        if (backup) store.putSecret(backup)
        break
      case 'edit-secret':
        if (store.secret) store.putSecret(await edited(store.secret))
        break
      case 'delete-next':
        store.putNext(undefined)
        break
      case 'edit-next':
        if (store.next) store.putNext(await edited(store.next, 'staged'))
        break
      case 'swap':
        swap(store)
        break
      case 'rotate':
        store.now += 1
        store.edit({ rotation: { requestedAt: new Date(store.now * 1_000).toISOString() } })
        break
      case 'suspend': {
        const suspended = !store.client?.suspended
        store.client = clientOf({ suspended }, { suspended })
        break
      }
      case 'clock-back':
        store.now -= 300
        break
      case 'revoke':
        store.edit({ revoked: { reason: 'leaked' } })
        break
      case 'renew':
        store.now += 1
        store.edit({ keysNotBefore: new Date(store.now * 1_000).toISOString() })
        break
      case 'orphan':
        store.edit({ deletionPolicy: store.accessKey.spec.deletionPolicy === 'Orphan' ? 'Delete' : 'Orphan' })
        break
      case 'touch':
        store.edit({})
        break
      case 'rest':
        await settle(store, actors, look)
        break
      case 'wait':
        store.now += 400
        break
    }
    look()
  }
  // A rotation that is under way comes to its end, and so does the one that was asked for meanwhile.
  for (let round = 0; round < 4; round++) {
    await settle(store, actors, look)
    store.now += publishAheadSeconds + 300
  }
  await settle(store, actors, look)
  for (const actor of actors) actor.end()
}

/** Lets both go on until neither has anything to write. */
async function settle(store: Store, actors: readonly Actor[], look: () => void): Promise<void> {
  for (let quiet = 0, rounds = 0; quiet < 8; rounds++) {
    expect(rounds, 'does not settle').toBeLessThan(2_000)
    const before = store.writes.length
    for (const actor of actors) await actor.step()
    look()
    quiet = store.writes.length === before ? quiet + 1 : 0
  }
}

/** The parts are those of another key than key-id says. */
async function edited(secret: SecretObject, slot: SecretSlot = 'mounted'): Promise<SecretObject> {
  const material = await generateKeyMaterial('Ed25519')
  const surroundings = { clientId: 'x', clientIssuer: 'x', issuer, ca }
  const files = { ...secretFiles(material, {}, surroundings), 'key-id': secret.data?.['key-id'] ?? '' }
  return desiredSecret(accessKeyOf(), { slot, files }, secret)
}

/** What a person does who takes the one for the other. */
function swap(store: Store): void {
  const { secret, next } = store
  if (!secret || !next) return
  const numbered = ({ metadata, ...rest }: SecretObject, other: SecretObject): SecretObject => ({
    ...rest,
    data: other.data ?? {},
    metadata: { ...metadata, annotations: other.metadata.annotations ?? {} },
  })
  store.putSecret(numbered(secret, next))
  store.putNext(numbered(next, secret))
}

interface Actor {
  step(): Promise<void>
  crash(when: 'before' | 'after'): Promise<void>
  end(): void
}

/** Runs passes one after another; each call of theirs waits until the history lets it go on. */
function createActor(store: Store): Actor {
  /** A pass reads both Secrets at a time. */
  let waiting: (() => Promise<void>)[] = []
  let life = 0
  let arrived: () => void = () => {}

  function begin(): void {
    const mine = ++life
    const io = held(store.io(), call => {
      // Of a process that is gone nothing arrives.
      if (mine !== life) return new Promise(() => {})
      return new Promise((resolve, reject) => {
        waiting.push(async () => {
          try {
            const result = await call()
            if (mine === life) resolve(result)
          } catch (error) {
            if (mine === life) reject(error)
          }
        })
        arrived()
      })
    })
    void (async () => {
      while (mine === life) {
        const before = store.writes.length
        let own = 0
        await reconcileAccessKey(
          'shop/web',
          counted(io, () => own++),
        )
        if (own > 1) throw new Error(`a pass made ${own} writes after ${store.writes.slice(before).join()}`)
      }
    })()
  }

  async function ready(): Promise<void> {
    while (waiting.length === 0) await new Promise<void>(resolve => (arrived = resolve))
  }

  begin()
  return {
    async step() {
      await ready()
      await waiting.shift()?.()
      await new Promise(resolve => setImmediate(resolve))
    },
    async crash(when) {
      await ready()
      const pending = waiting.shift()
      life++
      waiting = []
      if (when === 'after') await pending?.()
      begin()
    },
    end: () => void life++,
  }
}

type Call = (...args: never[]) => Promise<unknown>
const reads = ['getAccessKey', 'getSecret'] as const
const writes = ['createSecret', 'updateSecret', 'deleteSecret', 'writeStatus'] as const

function held(io: AccessKeyIo, gate: (call: () => Promise<unknown>) => Promise<unknown>): AccessKeyIo {
  const gated =
    (call: Call): Call =>
    (...args) =>
      gate(() => call(...args))
  return { ...io, reads: wrapped(io.reads, reads, gated), writes: wrapped(io.writes, writes, gated) }
}

function counted(io: AccessKeyIo, count: () => void): AccessKeyIo {
  const counting =
    (call: Call): Call =>
    async (...args) => {
      const result = await call(...args)
      count()
      return result
    }
  return { ...io, writes: wrapped(io.writes, writes, counting) }
}

/** The same calls, those of the given names inside another. */
function wrapped<Calls extends object>(
  calls: Calls,
  names: readonly (keyof Calls)[],
  wrap: (call: Call) => Call,
): Calls {
  return { ...calls, ...Object.fromEntries(names.map(name => [name, wrap(calls[name] as Call)])) }
}
