import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { LineCounter, parseAllDocuments } from 'yaml'
import type { z } from 'zod'
import { group, type KindDefinition, version } from '../core/api/kind.ts'
import { kinds } from '../core/api/kinds.ts'
import type { ManifestObject } from '../core/registry/manifest-objects.ts'
import { manifestPaths } from './manifest-paths.ts'

/**
 * Reads manifests and checks those of our group against their schemas. Other kinds pass through; what is of use among
 * them the registry knows.
 * @returns the objects, and one sentence per mistake with file, document and field
 */
export async function readManifests(path: string): Promise<{ objects: ManifestObject[]; mistakes: string[] }> {
  const objects: ManifestObject[] = []
  const mistakes: string[] = []
  for (const file of await manifestPaths(path)) {
    const text = await readFile(file, 'utf8')
    readDocuments(basename(file), text, objects, mistakes)
  }
  return { objects, mistakes }
}

function readDocuments(file: string, text: string, objects: ManifestObject[], mistakes: string[]): void {
  const lines = new LineCounter()
  // Aliases expand to at most 100 nodes each: a small file must not become a large one.
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: true })
  for (const [at, document] of ('empty' in documents ? [] : documents).entries()) {
    const where = `${file}, document ${at + 1}`
    for (const error of document.errors) {
      const { line, col } = lines.linePos(error.pos[0])
      mistakes.push(`${file}, line ${line}, column ${col}: ${error.message.split('\n', 1)[0]}`)
    }
    if (document.errors.length > 0) continue
    const value: unknown = document.toJS({ maxAliasCount: 100 })
    if (value === null) continue
    for (const item of itemsOf(value)) {
      const found = checkObject(item)
      if (Array.isArray(found)) mistakes.push(...found.map(mistake => `${where}: ${mistake}`))
      else objects.push(found)
    }
  }
}

function itemsOf(value: unknown): unknown[] {
  const { kind, items } = (value ?? {}) as { kind?: unknown; items?: unknown }
  return kind === 'List' && Array.isArray(items) ? items : [value]
}

/** @returns the object with its defaults filled in, or what is wrong with it */
function checkObject(value: unknown): ManifestObject | string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return ['this is no Kubernetes object']
  const object = value as { apiVersion?: unknown; kind?: unknown; metadata?: { name?: unknown }; spec?: unknown }
  const { apiVersion, kind, metadata } = object
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') return ['apiVersion and kind are required']
  const name = metadata?.name
  if (typeof name !== 'string' || name === '') return [`${kind}: metadata.name is required`]
  if (apiVersion.split('/', 1)[0] !== group) return value as ManifestObject
  const definition = kinds.find(candidate => candidate.kind === kind)
  if (!definition) return [`${kind} ${name}: ${group} has no such kind; it has ${kinds.map(k => k.kind).join(', ')}`]
  if (apiVersion !== `${group}/${version}`) return [`${kind} ${name}: apiVersion must be ${group}/${version}`]
  return checkSpec(definition, value as ManifestObject & { spec?: unknown })
}

function checkSpec(definition: KindDefinition, object: ManifestObject & { spec?: unknown }): ManifestObject | string[] {
  const known = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const where = `${definition.kind} ${object.metadata.name}`
  const strange = Object.keys(object).filter(key => !known.has(key))
  if (strange.length > 0) return strange.map(key => `${where}: ${key}: there is no such field`)
  const parsed = definition.spec.safeParse(object.spec ?? {})
  if (!parsed.success) return parsed.error.issues.flatMap(issue => sentences(where, issue))
  // What a cluster wrote into status proves nothing here.
  const { status: _, ...rest } = object as ManifestObject & { status?: unknown }
  return { ...rest, spec: parsed.data } as ManifestObject
}

function sentences(where: string, issue: z.core.$ZodIssue): string[] {
  const field = ['spec', ...issue.path].reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : path === '' ? String(key) : `${path}.${String(key)}`),
    '',
  )
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => `${where}: ${field}.${key}: there is no such field`)
  return [`${where}: ${field}: ${issue.message}`]
}
