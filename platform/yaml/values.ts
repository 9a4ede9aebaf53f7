import { type Alias, isAlias, isMap, isScalar, type ParsedNode, type Scalar, type YAMLMap } from 'yaml'
import { YamlFault } from './fault.ts'

export interface ValueLimits {
  readonly depth: number
  /** Entries of mappings and lists, with one more for each of these and each alias, which counts as all that it stands for. */
  readonly entries: number
  /** Characters of texts and keys, aliases counted in the same way. */
  readonly characters: number
}

interface Anchored {
  readonly value: unknown
  readonly entries: number
  readonly characters: number
  readonly height: number
}

/** Values of composed documents; what they may spend together is counted down. */
export interface Values {
  /** @throws YamlFault */
  of(root: ParsedNode | null): unknown
}

interface Walk {
  readonly limits: ValueLimits
  /** An anchor whose value is being read has none yet. */
  readonly anchors: Map<string, Anchored | undefined>
  entries: number
  characters: number
  /** The deepest level seen since somebody last set it. */
  deepest: number
}

/**
 * Aliases give the very value that they name, so no text grows in memory; whoever walks the result meets as much
 * as was counted here. Merge keys (`<<`) are resolved: written keys win, then the first mapping that has the key.
 * A key that comes twice is a fault. Keys are texts: of a number, true or null it is what was written.
 */
export function createValues(limits: ValueLimits): Values {
  const walk: Walk = { limits, anchors: new Map(), entries: 0, characters: 0, deepest: 0 }
  return {
    of(root) {
      walk.anchors.clear()
      return readNode(root, 1, walk)
    },
  }
}

function readNode(node: ParsedNode | null, depth: number, walk: Walk): unknown {
  if (node === null) return null
  if (isAlias(node)) return readAlias(node, depth, walk)
  const { anchor } = node
  const { entries, characters, deepest } = walk
  spend(
    walk,
    node,
    isScalar(node) ? 0 : 1 + node.items.length,
    isScalar(node) && typeof node.value === 'string' ? node.value.length : 0,
  )
  if (anchor === undefined) return readContent(node, depth, walk)
  walk.anchors.set(anchor, undefined)
  // One less than where it stands: what is no collection adds no level.
  walk.deepest = depth - 1
  const value = readContent(node, depth, walk)
  walk.anchors.set(anchor, {
    value,
    entries: walk.entries - entries,
    characters: walk.characters - characters,
    height: walk.deepest - depth,
  })
  walk.deepest = Math.max(deepest, walk.deepest)
  return value
}

function readContent(node: Exclude<ParsedNode, Alias.Parsed>, depth: number, walk: Walk): unknown {
  if (isScalar(node)) return node.value
  reach(walk, node, depth)
  if (isMap(node)) return readMapping(node, depth, walk)
  return node.items.map(item => readNode(item as ParsedNode | null, depth + 1, walk))
}

function readAlias(alias: Alias.Parsed, depth: number, walk: Walk): unknown {
  const named = walk.anchors.get(alias.source)
  if (!named) {
    const what = walk.anchors.has(alias.source)
      ? 'an alias within what it names'
      : 'an alias without its anchor before it'
    throw new YamlFault(alias.range[0], what)
  }
  reach(walk, alias, depth + named.height)
  spend(walk, alias, 1 + named.entries, named.characters)
  return named.value
}

function readMapping(map: YAMLMap.Parsed, depth: number, walk: Walk): Record<string, unknown> {
  const mapping: Record<string, unknown> = {}
  const written = new Set<string>()
  for (const { key, value } of map.items) {
    const name = readKey(key as ParsedNode | null, map, walk)
    if (written.has(name)) throw new YamlFault(offsetOf(key ?? map), 'a key that stands twice in its mapping')
    written.add(name)
    const read = readNode(value as ParsedNode | null, depth + 1, walk)
    if (name === '<<' && isScalar(key) && key.type === 'PLAIN') merge(read, mapping, offsetOf(key))
    else set(mapping, name, read)
  }
  return mapping
}

function readKey(key: ParsedNode | null, map: YAMLMap.Parsed, walk: Walk): string {
  if (!isScalar(key)) throw new YamlFault(offsetOf(key ?? map), 'a key is no text')
  const { value, source = '' } = key as Scalar
  const name = typeof value === 'string' ? value : source
  if (value === null && name === '') throw new YamlFault(offsetOf(key), 'a key is missing')
  // Of use to an alias only, but then it must be there.
  readNode(key, 0, walk)
  return name
}

function merge(from: unknown, into: Record<string, unknown>, offset: number): void {
  for (const mapping of Array.isArray(from) ? from : [from]) {
    if (typeof mapping !== 'object' || mapping === null || Array.isArray(mapping)) {
      throw new YamlFault(offset, '<< takes a mapping or a list of mappings')
    }
    for (const [name, value] of Object.entries(mapping)) if (!Object.hasOwn(into, name)) set(into, name, value)
  }
}

/** `__proto__` is a key like any other. */
function set(mapping: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') mapping[name] = value
  else Object.defineProperty(mapping, name, { value, writable: true, enumerable: true, configurable: true })
}

function reach(walk: Walk, node: ParsedNode, depth: number): void {
  walk.deepest = Math.max(walk.deepest, depth)
  if (depth > walk.limits.depth) {
    throw new YamlFault(offsetOf(node), `more than ${walk.limits.depth} levels within each other`)
  }
}

function spend(walk: Walk, node: ParsedNode, entries: number, characters: number): void {
  walk.entries += entries
  walk.characters += characters
  if (walk.entries <= walk.limits.entries && walk.characters <= walk.limits.characters) return
  throw new YamlFault(offsetOf(node), 'too many values, aliases counted as what they stand for')
}

function offsetOf(node: { readonly range?: readonly number[] | null | undefined }): number {
  return node.range?.[0] ?? 0
}
