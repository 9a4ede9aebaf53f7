import { group, type KindDefinition, apiVersion as ourVersion } from '../api/kind.ts'
import { kinds } from '../api/kinds.ts'
import { label, subdomain } from '../api/schema.ts'
import { sentenceFor } from '../api/worded.ts'
import { isRecord } from '../base/is-record.ts'
import { meantWord } from '../base/nearest-word.ts'
import type { ManifestObject } from './manifest-objects.ts'
import { membersAt, serverFaults } from './server-rules.ts'

/**
 * What one object of a file is: an object of use; or what is wrong with it; or why it is passed over, which is nothing
 * to tell of an object of another kind.
 */
export type CheckedManifest =
  | { readonly object: ManifestObject }
  | { readonly mistakes: readonly string[] }
  | { readonly passedOver?: string }

/** Built-in kinds that the rules read. */
const builtIn = new Set(['ConfigMap', 'Namespace', 'Service'])
/** Kinds whose names nobody else is known to use, a Role apart. */
const onlyOurs = new Set(kinds.map(({ kind }) => kind).filter(kind => kind !== 'Role'))

/**
 * Checks an object of our group against its schema and fills in the defaults. What cannot be ours is passed over, for a
 * folder holds other files too; what may be ours and cannot be read is a mistake, never nothing.
 */
export function checkManifest(value: unknown): CheckedManifest {
  if (!isRecord(value)) return mentionsUs(value) ? mistake('this is no Kubernetes object') : { passedOver: noObject }
  const { apiVersion, kind, metadata } = value
  const isOurs = typeof apiVersion === 'string' && apiVersion.split('/', 1)[0]?.toLowerCase() === group
  if (!isOurs) return checkForeign(value)
  if (typeof kind !== 'string') return mistake('apiVersion and kind are required')
  const definition = kinds.find(candidate => candidate.kind === kind)
  const { name } = isRecord(metadata) ? metadata : {}
  const where = typeof name === 'string' ? `${kind} ${name}` : kind
  if (!definition) return mistake(`${where}: ${group} has no such kind; it has ${kinds.map(k => k.kind).join(', ')}`)
  if (apiVersion !== ourVersion) return mistake(`${where}: apiVersion must be ${ourVersion}`)
  const fault = metadataFault(metadata)
  return fault === undefined ? checkSpec(definition, value as unknown as ManifestObject) : mistake(`${where}: ${fault}`)
}

const noObject = 'it is no Kubernetes object'

function checkForeign(value: Record<string, unknown>): CheckedManifest {
  const { apiVersion, kind, metadata } = value
  if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
    return mentionsUs(value) ? mistake('apiVersion and kind are required') : { passedOver: noObject }
  }
  if (onlyOurs.has(kind)) return { passedOver: `${kind}: ours are of ${ourVersion}, not of ${apiVersion}` }
  if (apiVersion !== 'v1' || !builtIn.has(kind)) return {}
  const fault = metadataFault(metadata)
  if (fault !== undefined) return { passedOver: `${kind}: ${fault}` }
  const object = value as unknown as ManifestObject
  const content = contentFault(value)
  return content === undefined ? { object } : mistake(`${kind} ${object.metadata.name}: ${content}`)
}

/** What the API server would have refused, as far as the rules would stumble over it. */
function contentFault({ kind, data, binaryData, spec }: Record<string, unknown>): string | undefined {
  if (kind === 'ConfigMap') return textsFault('data', data) ?? textsFault('binaryData', binaryData)
  const { ports } = isRecord(spec) ? spec : {}
  if (kind !== 'Service' || ports === undefined || (Array.isArray(ports) && ports.every(isRecord))) return undefined
  return 'spec.ports: expected a list'
}

function textsFault(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (!isRecord(value)) return `${field}: expected a mapping`
  const wrong = Object.keys(value).find(key => typeof value[key] !== 'string')
  return wrong === undefined ? undefined : `${field}.${wrong}: expected a text; write ${wrong}: | before a document`
}

function metadataFault(metadata: unknown): string | undefined {
  const { name, generateName, namespace, creationTimestamp } = isRecord(metadata) ? metadata : {}
  if (name === undefined && generateName !== undefined) {
    return 'metadata.generateName names nothing without a cluster; write metadata.name'
  }
  if (name === undefined || name === null || name === '') return 'metadata.name is required'
  if (!subdomain().safeParse(name).success) return 'metadata.name: expected lower-case letters, digits, - and .'
  if (namespace !== undefined && namespace !== null && !label().safeParse(namespace).success) {
    return 'metadata.namespace: expected lower-case letters, digits and -'
  }
  const isTime = creationTimestamp === undefined || creationTimestamp === null || typeof creationTimestamp === 'string'
  return isTime ? undefined : 'metadata.creationTimestamp: expected a time'
}

/** Somebody meant us: a misspelt `apiVerson: latchkey.dev/v1alpha1`, a kind without its group, objects in a list. */
function mentionsUs(value: unknown): boolean {
  if (typeof value === 'string') return value.toLowerCase().includes(`${group}/`)
  if (Array.isArray(value)) return value.some(mentionsUs)
  if (!isRecord(value)) return false
  const { apiVersion, kind } = value
  if (apiVersion === undefined && typeof kind === 'string' && kinds.some(one => one.kind === kind)) return true
  return Object.values(value).some(member => typeof member === 'string' && mentionsUs(member))
}

function checkSpec(definition: KindDefinition, object: ManifestObject & { spec?: unknown }): CheckedManifest {
  const known = new Set(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  const where = `${definition.kind} ${object.metadata.name}`
  const strange = Object.keys(object).filter(key => !known.has(key))
  if (strange.length > 0) return { mistakes: strange.map(key => `${where}: ${key}: ${noField(key, known)}`) }
  const parsed = definition.spec.safeParse(object.spec ?? {})
  if (!parsed.success) return { mistakes: parsed.error.issues.flatMap(issue => sentences(definition, where, issue)) }
  const faults = serverFaults(definition, parsed.data)
  if (faults.length > 0) return { mistakes: faults.map(fault => `${where}: ${fault}`) }
  // What a cluster wrote into status proves nothing here.
  const { status: _, ...rest } = object as ManifestObject & { status?: unknown }
  return { object: { ...rest, spec: parsed.data } as ManifestObject }
}

type Issue = NonNullable<ReturnType<KindDefinition['spec']['safeParse']>['error']>['issues'][number]

function sentences(definition: KindDefinition, where: string, issue: Issue): string[] {
  const field = ['spec', ...issue.path].reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : path === '' ? String(key) : `${path}.${String(key)}`),
    '',
  )
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map(key => `${where}: ${field}.${key}: ${noField(key, membersAt(definition, issue.path))}`)
  const sentence = issue.code === 'invalid_format' && issue.pattern ? sentenceFor(issue.pattern) : undefined
  return [`${where}: ${field}: ${sentence ?? issue.message}`]
}

function noField(name: string, known: Iterable<string>): string {
  return `there is no such field${meantWord(name, known)}`
}

function mistake(sentence: string): CheckedManifest {
  return { mistakes: [sentence] }
}
