import { literalTemplate } from '../matching/template.ts'
import { addSightings, type Sightings } from './seen-traffic.ts'

/** A path as it was asked for: segments as on the wire, without the leading slash. */
export interface SeenPath extends Sightings {
  readonly path: string
}

/** A template that covers paths, and how much was seen of it. */
export interface SeenTemplate extends Sightings {
  readonly template: string
  /** Different paths it stands for. */
  readonly paths: number
}

interface Node {
  readonly children: Map<string, Node>
  ends: SeenTemplate | undefined
}

/**
 * Templates for paths of an API that declares no routes. A segment becomes `{id}` only where at least `distinct`
 * different values that look like identifiers (they hold a digit) stood in its place behind the same beginning;
 * everything else stays as it was asked for. What comes out covers every path, and nothing that no path gave reason for.
 * @param paths in normal form
 */
export function generalisePaths(paths: readonly SeenPath[], distinct: number): SeenTemplate[] {
  const root: Node = { children: new Map(), ends: undefined }
  for (const { path, calls, lastSeen } of paths) {
    let node = root
    for (const segment of path.slice(1).split('/')) node = childOf(node, literalTemplate(segment))
    node.ends = together(node.ends, { template: '', paths: 1, calls, lastSeen })
  }
  const found: SeenTemplate[] = []
  collect(root, '', 0, distinct, found)
  return found
}

function collect(node: Node, prefix: string, parameters: number, distinct: number, found: SeenTemplate[]): void {
  if (node.ends) found.push({ ...node.ends, template: prefix })
  const values = [...node.children]
  const ids = values.filter(([segment]) => looksLikeId(segment))
  const varies = ids.length >= distinct
  for (const [segment, child] of values) {
    if (!varies || !looksLikeId(segment)) collect(child, `${prefix}/${segment}`, parameters, distinct, found)
  }
  if (!varies) return
  const name = parameters === 0 ? '{id}' : `{id${parameters + 1}}`
  const merged = ids.reduce((all, [, child]) => merge(all, child), { children: new Map(), ends: undefined } as Node)
  collect(merged, `${prefix}/${name}`, parameters + 1, distinct, found)
}

/** Words stay words, however many there are: `/search` beside `/7` is another operation. */
function looksLikeId(segment: string): boolean {
  return /[0-9]/.test(segment.replaceAll(/%[0-9A-F]{2}/g, ''))
}

function childOf(node: Node, segment: string): Node {
  const known = node.children.get(segment) ?? { children: new Map(), ends: undefined }
  node.children.set(segment, known)
  return known
}

function merge(into: Node, from: Node): Node {
  if (from.ends) into.ends = together(into.ends, from.ends)
  for (const [segment, child] of from.children) merge(childOf(into, segment), child)
  return into
}

function together(a: SeenTemplate | undefined, b: SeenTemplate): SeenTemplate {
  return { template: '', paths: (a?.paths ?? 0) + b.paths, ...addSightings(a, b) }
}
