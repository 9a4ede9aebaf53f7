import { expect } from 'vitest'
import { timeOf } from '../../../core/base/time.ts'
import {
  type IssuerAlgorithm,
  issuerKeysFile,
  readIssuerKeys,
  signingKids,
  usualIssuerAlgorithms,
} from '../../../core/keys/issuer-keys.ts'
import { rotationRequestedAt, rotationRequestOf } from '../../../core/keys/rotation-request.ts'
import { createIssuerKeys, type IssuerKeys } from '../../../operator/certificates/issuer-keys.ts'
import { type SecretOf, textsOf } from '../../../operator/owned-objects.ts'
import { KubeError, type KubeObject } from '../../../platform/kube/client.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

export const publishAheadSeconds = 1_200
const everySeconds = 720 * 3_600
const tokenSeconds = 3_600
/** How far each leader's clock is off, and what a replica that reads nothing may still sign for. */
const skewSeconds = [300, -300]
const staleSeconds = 600

interface Replica {
  kids: ReadonlySet<string>
  signing: readonly string[]
  readAt: number
}

/** One Secret, two leaders whose every request is a step, and replicas that publish and sign with what they read last. */
export function createIssuerKeysWorld() {
  let now = 1_790_000_000
  let secret: SecretOf | undefined
  let chosen = usualIssuerAlgorithms
  let version = 0
  let replicas: Replica[] = []
  let tokens: { kid: string; until: number }[] = []
  const publishedSince = new Map<string, number>()
  const signed = new Set<string>()

  const keys = () => readIssuerKeys(textsOf(secret)[issuerKeysFile])

  function store(next: SecretOf): SecretOf {
    const before = signingKids(keys())
    secret = { ...next, metadata: { ...next.metadata, uid: 'u', resourceVersion: String(++version) } }
    for (const state of ['Signing', 'Next'] as const) {
      const found = keys()
        .filter(key => key.state === state)
        .map(({ algorithm }) => algorithm)
      expect(found, `one key of an algorithm is ${state}`).toEqual([...new Set(found)])
    }
    for (const [algorithm, kid] of Object.entries(signingKids(keys()))) {
      const last = before[algorithm as keyof typeof before]
      if (last === kid) continue
      for (const { kids } of replicas) expect(kids, 'a key signs that a replica does not publish').toContain(kid)
      if (last === undefined) continue
      const published = now - (publishedSince.get(kid) ?? now)
      expect(published, 'it was published too short').toBeGreaterThanOrEqual(publishAheadSeconds - 600)
    }
    return secret
  }

  function read(replica: Replica): void {
    if (!secret) return
    const kids = Object.keys(textsOf(secret)).flatMap(file => (file.endsWith('.jwk') ? [file.slice(0, -4)] : []))
    replica.kids = new Set(kids)
    replica.signing = Object.values(signingKids(keys()))
    replica.readAt = now
    for (const kid of kids)
      if (replicas.every(one => one.kids.has(kid))) publishedSince.set(kid, publishedSince.get(kid) ?? now)
    for (const { kid, until } of tokens)
      if (until > now) expect(kids, 'a key went before its tokens ended').toContain(kid)
  }

  const conflict = () => new KubeError('secrets', 409, 'Conflict')

  /** A leader; each request waits for `turn`, before and after it. */
  function leader(at: 0 | 1, turn: () => Promise<void>): IssuerKeys {
    const stepped = async <T>(act: () => T): Promise<T> => {
      await turn()
      const found = act()
      await turn()
      return found
    }
    return createIssuerKeys({
      client: {
        get: async <T extends KubeObject>(_: unknown, __: unknown, name: string) =>
          stepped(() => (name.endsWith('-issuer-keys') ? (secret as T | undefined) : undefined)),
        create: async <T extends KubeObject>(_: unknown, object: T) =>
          stepped(() => {
            if (secret) throw conflict()
            return store(object as SecretOf) as unknown as T
          }),
        update: async <T extends KubeObject>(_: unknown, object: T) =>
          stepped(() => {
            if (object.metadata.resourceVersion !== secret?.metadata.resourceVersion) throw conflict()
            return store(object as SecretOf) as unknown as T
          }),
      },
      config: {
        ...{ namespace: 'latchkey-system', fullname: 'latchkey' },
        publishAheadMs: publishAheadSeconds * 1_000,
        issuerKeyEveryMs: everySeconds * 1_000,
        get issuerAlgorithms() {
          return chosen
        },
      },
      request: found => rotationRequestOf(found?.metadata.annotations, now).at,
      published: () =>
        stepped(() => {
          const [first, ...others] = replicas
          return new Set([...(first?.kids ?? [])].filter(kid => others.every(({ kids }) => kids.has(kid))))
        }),
      clock: { wallMs: () => (now + (skewSeconds[at] ?? 0)) * 1_000 },
      log: createQuietLog().log,
    })
  }

  return {
    leader,
    keys,
    signed,
    now: () => now,
    pass(seconds: number): void {
      now += seconds
      tokens = tokens.filter(({ until }) => until > now)
    },
    startReplica(): void {
      if (replicas.length >= 3) replicas = replicas.slice(1)
      const replica = { kids: new Set<string>(), signing: [], readAt: 0 }
      // It serves when it has read the Secret.
      read(replica)
      if (replica.readAt > 0) replicas.push(replica)
    },
    readSecret(at: number): void {
      const replica = replicas[at % Math.max(1, replicas.length)]
      if (replica) read(replica)
    },
    /** What a token endpoint does: every other replica has to publish the key, now and as long as the token lives. */
    sign(at: number): void {
      const replica = replicas[at % Math.max(1, replicas.length)]
      if (!replica || now - replica.readAt > staleSeconds) return
      for (const kid of replica.signing) {
        for (const { kids } of replicas) expect(kids, 'a token is signed by an unpublished key').toContain(kid)
        tokens.push({ kid, until: now + tokenSeconds })
        signed.add(kid)
      }
    },
    /** Both leaders are started anew with another value of the chart: one pass may be under way with the one before. */
    choose(algorithms: readonly IssuerAlgorithm[]): void {
      chosen = algorithms
    },
    chosen: () => chosen,
    request(): void {
      if (!secret) return
      const { metadata } = secret
      const annotations = { ...metadata.annotations, [rotationRequestedAt]: timeOf(now) }
      store({ ...secret, metadata: { ...metadata, annotations } })
    },
    /** Whoever takes it away takes its tokens' keys away too. */
    deleteSecret(): void {
      secret = undefined
      tokens = []
      replicas = []
    },
    /** Every replica reads, for as long as rotations take. */
    async rest(passes: () => Promise<void>): Promise<void> {
      for (let turn = 0; turn < 40; turn++) {
        await passes()
        for (const replica of replicas) read(replica)
        now += publishAheadSeconds
      }
    },
    privateFiles: () => Object.values(textsOf(secret)).filter(text => text.includes('"d":')).length,
  }
}
