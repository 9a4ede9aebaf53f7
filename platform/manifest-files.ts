import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { isRecord } from '../core/base/is-record.ts'
import { checkManifest } from '../core/registry/check-manifest.ts'
import { referenceKey } from '../core/registry/ids.ts'
import type { ManifestObject } from '../core/registry/manifest-objects.ts'
import { manifestPaths } from './manifest-paths.ts'
import { type ReadLimits, readYamlStream } from './read-yaml.ts'

/** What the files of a folder, or one file, hold. */
export interface ReadManifests {
  /** Of our group, with their defaults, and the built-in ones that the rules read. */
  readonly objects: ManifestObject[]
  /** One sentence per mistake, with file, document and field. */
  readonly mistakes: string[]
  /** One sentence for each thing that cannot be ours and was passed over, objects of other kinds apart. */
  readonly warnings: string[]
}

/** Whoever names the folder wrote it, or trusts who did: the bounds keep a mistake from taking all memory. */
const manifestLimits: ReadLimits = { bytes: 64 * 1024 * 1024, depth: 128, jsonNodes: 8_000_000, yamlEntries: 8_000_000 }

interface Reading extends ReadManifests {
  /** Where each object stands, by kind and key: one that comes twice would hide one of its two. */
  readonly places: Map<string, string>
}

/** Reads manifests and checks those of our group against their schemas. @throws Error when a file cannot be read */
export async function readManifests(path: string): Promise<ReadManifests> {
  const reading: Reading = { objects: [], mistakes: [], warnings: [], places: new Map() }
  for (const file of await manifestPaths(path)) readFileInto(basename(file), await readFile(file), reading)
  const { objects, mistakes, warnings } = reading
  return { objects, mistakes, warnings }
}

function readFileInto(file: string, bytes: Uint8Array, reading: Reading): void {
  const text = textOf(bytes)
  if (text === undefined) {
    reading.mistakes.push(`${file}: the file is not UTF-8`)
    return
  }
  for (const [at, document] of readYamlStream(text, manifestLimits).entries()) {
    if ('value' in document) takeDocument(document.value, `${file}, document ${at + 1}`, reading)
    else reading.mistakes.push(`${file}${document.fault.startsWith('line ') ? ', ' : ': '}${document.fault}`)
  }
}

/** What is not UTF-8 would be read as something other than it says. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function takeDocument(value: unknown, where: string, reading: Reading): void {
  if (value === null) return
  const list = listOf(value)
  if (!list) takeObject(value, where, reading)
  else if ('fault' in list) reading.mistakes.push(`${where}: ${list.fault}`)
  else for (const [at, item] of list.items.entries()) takeDocument(item, `${where}, item ${at + 1}`, reading)
}

/** The items of a `List`, or of a list of one kind, whose items may leave out what the list says. */
function listOf(value: unknown): { items: unknown[] } | { fault: string } | undefined {
  const { apiVersion, kind, items } = value as { apiVersion?: unknown; kind?: unknown; items?: unknown }
  if (typeof kind !== 'string' || !kind.endsWith('List') || (kind !== 'List' && items === undefined)) return undefined
  if (items === undefined || items === null) return { items: [] }
  if (!Array.isArray(items)) return { fault: `${kind}: items must be a list` }
  const inherited = kind === 'List' ? {} : { apiVersion, kind: kind.slice(0, -'List'.length) }
  return { items: items.map((item: unknown) => (isRecord(item) ? { ...inherited, ...item } : item)) }
}

function takeObject(value: unknown, where: string, reading: Reading): void {
  const checked = checkManifest(value)
  if ('mistakes' in checked) reading.mistakes.push(...checked.mistakes.map(mistake => `${where}: ${mistake}`))
  else if (!('object' in checked)) {
    if (checked.passedOver !== undefined) reading.warnings.push(`${where} is passed over: ${checked.passedOver}.`)
  } else {
    const { kind, metadata } = checked.object
    const { name, namespace } = metadata
    const key = kind === 'Namespace' ? name : referenceKey({ namespace: namespace ?? 'default', name })
    const before = reading.places.get(`${kind} ${key}`)
    if (before !== undefined) reading.mistakes.push(`${where}: ${kind} ${key} stands in ${before} already`)
    reading.places.set(`${kind} ${key}`, where)
    reading.objects.push(checked.object)
  }
}
