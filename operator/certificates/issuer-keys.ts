import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { PublicJwk } from '../../core/api/access-key.ts'
import { algorithms } from '../../core/jose/algorithms.ts'
import { checkPublicKey, publicMembers, thumbprint } from '../../core/jose/jwk.ts'
import {
  type IssuerAlgorithm,
  type IssuerKey,
  issuerAlgorithms,
  issuerKeysFile,
  readIssuerKeys,
  writeIssuerKeys,
} from '../../core/keys/issuer-keys.ts'
import { type ObservedIssuerKeys, planIssuerKeys } from '../../core/keys/plan-issuer-keys.ts'
import type { Clock } from '../../platform/clock.ts'
import type { KubeClient } from '../../platform/kube/client.ts'
import { secrets } from '../../platform/kube/resources.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'
import type { Logger } from '../../platform/log.ts'
import { generateKeyMaterial } from '../access-key/key-material.ts'
import { readOwner, type SecretOf, textsOf, writeSecret } from '../owned-objects.ts'
import type { ReadRequest } from './rotation-requests.ts'

const rereadMs = 10 * 60_000
// Replicas look at the Secret every 30 s.
const askAgainMs = 5_000

/** The keys the issuer signs with, in the Secret `<fullname>-issuer-keys`. */
export interface IssuerKeys {
  /** One pass, with one write at most: it may be run at any time, by two leaders at once. */
  reconcile(): Promise<Requeue>
  /** When the next of them is due, or was to sign; milliseconds since epoch, undefined before the first pass. */
  dueAt(): number | undefined
}

export function createIssuerKeys(options: {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>
  readonly config: {
    readonly namespace: string
    readonly fullname: string
    readonly publishAheadMs: number
    readonly issuerKeyEveryMs: number
    /** The preferred one first. */
    readonly issuerAlgorithms: readonly IssuerAlgorithm[]
  }
  /** `kid`s that every replica of the issuer publishes. */
  published(): Promise<ReadonlySet<string>>
  readonly request: ReadRequest
  readonly clock: Pick<Clock, 'wallMs'>
  readonly log: Logger
}): IssuerKeys {
  const { client, config, clock, log } = options
  const { namespace, fullname } = config
  const name = `${fullname}-issuer-keys`
  const everySeconds = Math.ceil(config.issuerKeyEveryMs / 1_000)
  let dueAt: number | undefined

  async function observe(secret: SecretOf | undefined): Promise<ObservedIssuerKeys> {
    const files = textsOf(secret)
    const keys = readIssuerKeys(files[issuerKeysFile])
    const requestedAt = options.request(secret)
    const keyFiles = Object.entries(files).filter(([file]) => file.endsWith('.jwk'))
    const readable = keyFiles.flatMap(([file, text]) => readKeyFile(file, text) ?? [])
    const waits = keys.some(({ state }) => state === 'Next')
    return {
      keys,
      algorithms: config.issuerAlgorithms,
      files: readable,
      unreadable: readable.length < keyFiles.length,
      published: waits ? await options.published() : new Set(),
      everySeconds,
      publishAheadSeconds: Math.ceil(config.publishAheadMs / 1_000),
      ...(requestedAt !== undefined && { requestedAt }),
    }
  }

  async function write(secret: SecretOf | undefined, keys: readonly IssuerKey[], minted: [string, string][]) {
    const before = { ...textsOf(secret), ...Object.fromEntries(minted) }
    const others = Object.entries(before).filter(([file]) => !file.endsWith('.jwk'))
    const ours = keys.map(({ kid, state }): [string, string] => {
      const text = before[`${kid}.jwk`] ?? ''
      return [`${kid}.jwk`, state === 'Retiring' ? publicHalf(text) : text]
    })
    const files = { ...Object.fromEntries([...others, ...ours]), [issuerKeysFile]: writeIssuerKeys(keys) }
    const owners = await readOwner(client, fullname)
    const taken = await writeSecret(client, { namespace, name, owners, files }, secret)
    const told = keys.map(({ kid, state }) => ({ kid, state }))
    if (taken) log.info({ object: name, keys: told }, "the issuer's keys were written")
  }

  return {
    dueAt: () => dueAt,
    async reconcile() {
      const secret = await client.get<SecretOf>(secrets, namespace, name)
      const observed = await observe(secret)
      const now = Math.floor(clock.wallMs() / 1_000)
      const plan = planIssuerKeys(observed, now)
      if (plan.do === 'keep') {
        dueAt = dueOf(observed) * 1_000
        const due = plan.nextAt === undefined ? rereadMs : Math.max(0, plan.nextAt * 1_000 - clock.wallMs())
        return { requeueAfterMs: Math.min(plan.awaits ? askAgainMs : rereadMs, due) }
      }
      const minted = plan.mint ? await mint(plan.mint, now) : undefined
      await write(secret, [...plan.keys, ...(minted ? [minted.key] : [])], minted ? [minted.file] : [])
      return { requeueAfterMs: 0 }
    },
  }
}

/** Seconds since epoch. A next key beside one that signs is on its way; without one it should sign already. */
function dueOf({ keys: all, algorithms: chosen, everySeconds }: ObservedIssuerKeys): number {
  const keys = all.filter(({ algorithm }) => chosen.includes(algorithm))
  const signing = new Set(keys.flatMap(({ algorithm, state }) => (state === 'Signing' ? [algorithm] : [])))
  const due = keys.flatMap(({ algorithm, state, createdAt }) => {
    if (state === 'Signing') return [createdAt + everySeconds]
    return state === 'Next' && !signing.has(algorithm) ? [createdAt] : []
  })
  return Math.min(...due)
}

async function mint(algorithm: IssuerAlgorithm, now: number): Promise<{ key: IssuerKey; file: [string, string] }> {
  const { kid, privateJwk } = await generateKeyMaterial(algorithm)
  const jwk = { ...privateJwk, kid, alg: algorithms[algorithm].writes, use: 'sig' }
  return { key: { kid, algorithm, state: 'Next', createdAt: now }, file: [`${kid}.jwk`, JSON.stringify(jwk)] }
}

/** @returns undefined for what is no key of ours, or another one than its name says */
function readKeyFile(file: string, text: string): ObservedIssuerKeys['files'][number] | undefined {
  try {
    const jwk = JSON.parse(text) as Record<string, unknown>
    const algorithm = issuerAlgorithms.find(name => algorithms[name].writes === jwk.alg)
    const publicKey = publicMembers(jwk)
    const kid = thumbprint(publicKey)
    if (!algorithm || file !== `${kid}.jwk` || checkPublicKey(publicKey, algorithm) !== undefined) return undefined
    return { kid, algorithm, signs: jwk.d !== undefined && signsFor(jwk, publicKey, algorithm) }
  } catch {
    // What cannot be read is no key; the reader's message could quote it.
    return undefined
  }
}

function signsFor(jwk: Record<string, unknown>, publicKey: PublicJwk, algorithm: IssuerAlgorithm): boolean {
  const { hash } = algorithms[algorithm]
  const data = Buffer.from('a key is what its file says')
  const signature = sign(hash, data, createPrivateKey({ key: jwk as never, format: 'jwk' }))
  return verify(hash, data, createPublicKey({ key: publicKey as never, format: 'jwk' }), signature)
}

/** What signs no more is kept without its private half: nobody can sign with it by mistake, or after a theft. */
function publicHalf(text: string): string {
  const jwk = JSON.parse(text) as Record<string, unknown>
  return JSON.stringify({ ...publicMembers(jwk), kid: jwk.kid, alg: jwk.alg, use: jwk.use })
}
