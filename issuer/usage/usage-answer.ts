import { secondsOf, timeOf } from '../../core/base/time.ts'
import { type UsedKind, usedKinds } from '../../core/status/usage-report.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import type { Objects } from '../objects.ts'
import type { Usage, Use } from './usage.ts'

/** Objects that are told of in one piece of an answer. */
const objectsInPiece = 64

const members: Readonly<Record<UsedKind, string>> = {
  accesskeys: 'accessKeys',
  accessgrants: 'accessGrants',
  roles: 'roles',
}

/** Which objects somebody asks about: all, those of a namespace, or one. */
export interface Asked {
  readonly namespace: string | undefined
  readonly name: string | undefined
}

type Used = KubeObject & { readonly status?: { readonly lastUsedAt?: string | undefined } }

/**
 * What is known of the objects of these kinds, as JSON in pieces: between two of them everything else goes on. Of what
 * was used before this replica started, or at guards of another one, it is known what the status says.
 */
export function* usagePieces(
  usage: Usage,
  objects: Pick<Objects, 'keys' | 'grants' | 'roles'>,
  kinds: readonly UsedKind[],
  asked: Asked,
): Generator<string> {
  const stores: Readonly<Record<UsedKind, ReadonlyMap<string, Used>>> = {
    accesskeys: objects.keys.store,
    accessgrants: objects.grants.store,
    roles: objects.roles.store,
  }
  yield `{"since":"${timeOf(usage.since)}"`
  for (const kind of kinds) {
    yield `,"${members[kind]}":[`
    yield* inPieces(chosen(stores[kind], asked), object => JSON.stringify(entryOf(object, kind, usage)))
    yield ']'
  }
  yield '}'
}

/** Those that are there when they are come to. */
function* chosen(store: ReadonlyMap<string, Used>, { namespace, name }: Asked): Generator<Used> {
  if (namespace !== undefined && name !== undefined) {
    const object = store.get(`${namespace}/${name}`)
    if (object) yield object
    return
  }
  for (const object of store.values()) {
    if (namespace === undefined || object.metadata.namespace === namespace) yield object
  }
}

function entryOf({ metadata: { namespace, name }, status }: Used, kind: UsedKind, usage: Usage): object {
  const use = usage.of(kind, `${namespace}/${name}`)
  const last = Math.max(use?.lastUsedAt ?? 0, secondsOf(status?.lastUsedAt) ?? 0)
  const own = {
    namespace,
    name,
    ...(last > 0 && { lastUsedAt: timeOf(last) }),
    calls: use?.calls ?? 0,
  }
  const parts = [...(use?.parts ?? [])]
  if (kind === 'accesskeys') return { ...own, keys: parts.map(([kid, one]) => ({ kid, ...useOf(one) })) }
  if (kind === 'roles') return { ...own, rules: parts.map(([part, one]) => ({ ...ruleOf(part), ...useOf(one) })) }
  return own
}

function useOf({ lastUsedAt, calls }: Use): object {
  return { lastUsedAt: timeOf(lastUsedAt), calls }
}

function ruleOf(part: string): object {
  const [index = ''] = part.split(' ', 1)
  const permission = part.slice(index.length + 1)
  return { rule: Number(index), ...(permission !== '' && { permission }) }
}

/** What is new to the operator, in pieces as well: a UsageReport. @param from seconds since epoch, by this replica's clock */
export function* reportPieces(usage: Usage, from: number, nowSeconds: number): Generator<string> {
  yield `{"at":${nowSeconds},"used":{`
  for (const [at, kind] of usedKinds.entries()) {
    yield `${at > 0 ? ',' : ''}"${kind}":{`
    yield* inPieces(usage.toldSince(kind, from), ([key, { lastUsedAt }]) => `${JSON.stringify(key)}:${lastUsedAt}`)
    yield '}'
  }
  yield '}}'
}

/** What stands between two brackets. */
function* inPieces<T>(all: Iterable<T>, write: (one: T) => string): Generator<string> {
  let separator = ''
  let piece: string[] = []
  for (const one of all) {
    piece.push(write(one))
    if (piece.length < objectsInPiece) continue
    yield separator + piece.join(',')
    separator = ','
    piece = []
  }
  if (piece.length > 0) yield separator + piece.join(',')
}
