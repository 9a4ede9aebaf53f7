import { readFile } from 'node:fs/promises'
import type { AccessKey } from '../core/api/access-key.ts'
import { groupBy } from '../core/base/group-by.ts'
import type { UnfitKey } from '../core/explain/explain.ts'
import { checkPublicKey } from '../core/jose/jwk.ts'
import type { ManifestObject } from '../core/registry/manifest-objects.ts'
import { sliceHash } from '../core/rows/hash.ts'
import type { Row } from '../core/rows/rows.ts'

/** Where a command takes the policy from. */
export interface PolicyOptions {
  /** `namespace/name` of the GuardedService. */
  readonly service: string
  /** Folder of YAML and JSON files, or one file. */
  readonly manifests?: string | undefined
  /** The file in which a guard keeps its last good snapshot. */
  readonly snapshot?: string | undefined
  readonly issuer: string
  readonly installation: string
  /** Milliseconds since epoch. */
  readonly nowMs: number
}

export interface PolicySource {
  readonly rows: readonly Row[]
  /** Of the policy, as guards and audit lines name it. */
  readonly revision: string
  /** What of the manifests does less than it says. */
  readonly problems: readonly string[]
  /** Clients (`namespace/name`) whose ids a cluster makes otherwise than these manifests tell. */
  readonly provisional: ReadonlySet<string>
  /** Names of AccessKeys without a public key of their own, by their client (`namespace/name`). */
  readonly minted: ReadonlyMap<string, readonly string[]>
  /** AccessKeys whose own public key is none, by their client. */
  readonly unfit: ReadonlyMap<string, readonly UnfitKey[]>
  /** When the issuer last confirmed a stored snapshot, milliseconds since epoch. */
  readonly confirmedAt?: number
}

/** @throws Error with a sentence for people: which file, what is wrong */
export async function readPolicy(options: PolicyOptions): Promise<PolicySource> {
  return options.manifests === undefined ? readStored(options) : readYaml(options.manifests, options)
}

/** Every GuardedService of manifests, as `namespace/name`. @throws Error with a sentence for people */
export async function servicesIn(path: string): Promise<string[]> {
  const { objects } = await readObjects(path)
  return objects
    .filter(({ kind }) => kind === 'GuardedService')
    .map(({ metadata: { namespace = 'default', name } }) => `${namespace}/${name}`)
}

async function readObjects(path: string): Promise<{ objects: readonly ManifestObject[]; warnings: readonly string[] }> {
  // Schemas and a YAML parser are of no use where a guard's snapshot is read, in the guard's own memory.
  const { readManifests } = await import('../platform/manifest-files.ts')
  const { objects, mistakes, warnings } = await readManifests(path).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${path} cannot be read: ${error.code ?? error.message}`)
  })
  if (mistakes.length > 0) throw new Error(`manifests:\n  ${mistakes.join('\n  ')}`)
  return { objects, warnings }
}

async function readYaml(path: string, options: PolicyOptions): Promise<PolicySource> {
  const [{ manifestSlice }, { provisionalIds }, { documentReaders }, { objects, warnings }] = await Promise.all([
    import('../core/registry/manifests.ts'),
    import('../core/registry/provisional-ids.ts'),
    import('../platform/openapi/document-readers.ts'),
    readObjects(path),
  ])
  const now = options.nowMs / 1_000
  const { rows, problems } = manifestSlice(objects, { ...options, ...documentReaders, now })
  if (rows.length === 0) throw new Error(`manifests:\n  ${[...problems, ...warnings].join('\n  ')}`)
  return {
    rows,
    revision: sliceHash(rows).slice(0, 12),
    problems: [...warnings, ...problems],
    provisional: provisionalIds(objects),
    minted: mintedKeys(objects),
    unfit: unfitKeys(objects),
  }
}

function mintedKeys(objects: readonly ManifestObject[]): ReadonlyMap<string, readonly string[]> {
  const minted = keysIn(objects).filter(({ spec }) => spec.publicKey === undefined)
  return new Map([...groupBy(minted, clientOf)].map(([client, of]) => [client, of.map(key => key.metadata.name)]))
}

function unfitKeys(objects: readonly ManifestObject[]): ReadonlyMap<string, readonly UnfitKey[]> {
  const faultOf = ({ spec: { publicKey, algorithm = 'Ed25519' } }: AccessKey): string | undefined =>
    publicKey && checkPublicKey(publicKey, algorithm)
  const unfit = keysIn(objects).flatMap(key => {
    const fault = faultOf(key)
    return fault === undefined ? [] : [{ client: clientOf(key), accessKey: key.metadata.name, fault }]
  })
  return groupBy(unfit, ({ client }) => client)
}

function keysIn(objects: readonly ManifestObject[]): readonly AccessKey[] {
  return objects.filter(({ kind }) => kind === 'AccessKey') as unknown as readonly AccessKey[]
}

function clientOf({ metadata: { namespace = 'default' }, spec }: AccessKey): string {
  return `${namespace}/${spec.clientRef.name}`
}

interface Stored {
  readonly service?: unknown
  readonly rows?: unknown
  readonly hash?: unknown
  readonly confirmedAt?: unknown
}

async function readStored({ service, snapshot = '' }: PolicyOptions): Promise<PolicySource> {
  const stored = await readJson(snapshot)
  if (!stored || !Array.isArray(stored.rows)) {
    throw new Error(`${snapshot} is no stored snapshot of a guard. Name --manifests DIR or --snapshot FILE.`)
  }
  if (stored.service !== service)
    throw new Error(`${snapshot} is of ${String(stored.service).slice(0, 320)}, not of ${service}.`)
  const contact = await readJson(`${snapshot}.contact`)
  const times = [stored.confirmedAt, contact?.confirmedAt].filter(time => typeof time === 'number')
  const revision = String(stored.hash).slice(0, 12)
  return {
    rows: stored.rows as Row[],
    revision,
    problems: [],
    provisional: new Set(),
    minted: new Map(),
    unfit: new Map(),
    ...(times.length > 0 && { confirmedAt: Math.max(...times) }),
  }
}

async function readJson(path: string): Promise<Stored | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Stored
  } catch {
    return undefined
  }
}
