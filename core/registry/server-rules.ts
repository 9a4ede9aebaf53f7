import { oneIdentityOfChosen } from '../api/api-client.ts'
import { isOwnHeader, keyPlaceIsUsed, notEmptyPlace, ownHeader, ownParameter } from '../api/api-key-place.ts'
import { crdOf } from '../api/crd.ts'
import type { KindDefinition } from '../api/kind.ts'
import { kinds } from '../api/kinds.ts'
import {
  everyLength,
  everyWithinValidity,
  notOfOwnKey,
  overlapLength,
  overlapWithinValidity,
  windowLength,
} from '../api/rotation.ts'
import { isDuration, timeIsRead } from '../api/schema.ts'
import { algorithmIsOfPair, keyIsOfPair, servicesAreMeant, servicesAreNamed } from '../api/secret-types.ts'
import { isRecord } from '../base/is-record.ts'
import { durationSeconds, secondsOf } from '../base/time.ts'

type Self = Readonly<Record<string, unknown>>
type Schema = Readonly<Record<string, unknown>>

const has = (self: unknown, name: string): boolean => isRecord(self) && self[name] !== undefined
const seconds = (text: unknown): number => durationSeconds(String(text)) ?? Number.NaN
const minute = 60
const hour = 3_600
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']

/** Whether a key's type and curve are those of the algorithm. */
function fits({ algorithm, publicKey }: Self): boolean {
  const { kty, crv } = isRecord(publicKey) ? publicKey : {}
  if (algorithm === 'Ed25519') return kty === 'OKP' && crv === 'Ed25519'
  return algorithm === 'ES256' ? kty === 'EC' && crv === 'P-256' : kty === 'RSA'
}

const isForServices = ({ type }: Self): boolean => type === 'StaticSecret' || type === 'ApiKey'

const rotationOf = ({ rotation }: Self): Self => (isRecord(rotation) ? rotation : {})
/** Whether the first is shorter, where both are there. */
const isShorter = (one: unknown, other: unknown): boolean =>
  one === undefined || other === undefined || seconds(one) < seconds(other)

/** Those about the rotation of an AccessKey. */
const rotationChecks: Readonly<Record<string, (self: Self) => boolean>> = {
  [windowLength]: self => seconds(self.duration) > 0 && seconds(self.duration) <= 168 * hour,
  [everyLength]: self => !has(self, 'every') || seconds(self.every) >= hour,
  [overlapLength]: self => isShorter(self.overlap, self.every),
  [notOfOwnKey]: self => !(has(self, 'publicKey') && has(self, 'rotation')),
  [everyWithinValidity]: self => isShorter(rotationOf(self).every, self.validity),
  [overlapWithinValidity]: self => isShorter(rotationOf(self).overlap, self.validity),
}

/**
 * The rules that an API server checks besides the types of fields, by their text in the CRD. Rules about a change
 * (`oldSelf`) have no meaning for files. A test holds that none is missing.
 */
export const serverRules: Readonly<Record<string, (self: Self) => boolean>> = {
  '!(has(self.routes) && has(self.openapi))': self => !(has(self, 'routes') && has(self, 'openapi')),
  [notEmptyPlace]: self => has(self, 'header') || has(self, 'query'),
  [ownHeader]: self => !has(self, 'header') || isOwnHeader(String(self.header)),
  [ownParameter]: self => String(self.query).toLowerCase() !== 'access_token',
  [keyPlaceIsUsed]: self => !has(self, 'apiKey') || (Array.isArray(self.accepts) && self.accepts.includes('ApiKey')),
  [`!${isDuration('maxStaleness')} || duration(self.maxStaleness) >= duration('1m') && duration(self.maxStaleness) <= duration('720h')`]:
    self => seconds(self.maxStaleness) >= minute && seconds(self.maxStaleness) <= 720 * hour,
  [`!${isDuration('accessTokenLifetime')} || duration(self.accessTokenLifetime) >= duration('1m') && duration(self.accessTokenLifetime) <= duration('1h')`]:
    self => seconds(self.accessTokenLifetime) >= minute && seconds(self.accessTokenLifetime) <= hour,
  [`!${isDuration('per')} || duration(self.per) >= duration('1s') && duration(self.per) <= duration('24h')`]: self =>
    seconds(self.per) >= 1 && seconds(self.per) <= 24 * hour,
  '[has(self.attributeEquals), has(self.organizationEquals), has(self.scopeContains)].filter(x, x).size() == 1': self =>
    ['attributeEquals', 'organizationEquals', 'scopeContains'].filter(name => has(self, name)).length === 1,
  'has(self.permissions) ? !has(self.methods) && !has(self.paths) : has(self.methods) && has(self.paths)': self =>
    ['methods', 'paths'].every(name => has(self, name) !== has(self, 'permissions')),
  "self.actFor == 'None'": self => self.actFor === 'None',
  '!has(self.d) && !has(self.p) && !has(self.q) && !has(self.dp) && !has(self.dq) && !has(self.qi) && !has(self.k)':
    self => !privateMembers.some(name => has(self, name)),
  [servicesAreNamed]: self => !isForServices(self) || has(self, 'services'),
  [servicesAreMeant]: self => isForServices(self) || !has(self, 'services'),
  [keyIsOfPair]: self => self.type === 'KeyPair' || !has(self, 'publicKey'),
  [algorithmIsOfPair]: self => self.type === 'KeyPair' || self.algorithm === 'Ed25519',
  [oneIdentityOfChosen]: self => !has(self, 'clientId') || (self.identity ?? 1) === 1,
  ...rotationChecks,
  '!(has(self.validity) && has(self.expiresAt))': self => !(has(self, 'validity') && has(self, 'expiresAt')),
  '!(has(self.publicKey) && has(self.secretName))': self => !(has(self, 'publicKey') && has(self, 'secretName')),
  "!has(self.publicKey) || (self.algorithm == 'Ed25519' ? self.publicKey.kty == 'OKP' && has(self.publicKey.crv) && self.publicKey.crv == 'Ed25519' : self.algorithm == 'ES256' ? self.publicKey.kty == 'EC' && has(self.publicKey.crv) && self.publicKey.crv == 'P-256' : self.publicKey.kty == 'RSA')":
    self => !has(self, 'publicKey') || fits(self),
  [`!has(self.validity) || !${isDuration('validity')} || duration(self.validity) >= duration('1h')`]: self =>
    !has(self, 'validity') || seconds(self.validity) >= hour,
}

/**
 * What an API server would refuse of a spec that has the right types: a rule that does not hold, an entry twice in a
 * list, a time that is none. Without a cluster nobody else looks.
 * @param spec with its defaults
 * @returns sentences with their field
 */
export function serverFaults(kind: KindDefinition, spec: unknown): string[] {
  return faultsOf(schemas.get(kind.kind) ?? specSchema(kind), spec, 'spec')
}

/** Made once: a folder may hold ten thousand objects. */
const schemas = new Map(kinds.map(kind => [kind.kind, specSchema(kind)]))

/** Names of the members that a spec may have at a place below it. */
export function membersAt(kind: KindDefinition, place: readonly PropertyKey[]): string[] {
  const found = place.reduce<Schema | undefined>((schema, key) => {
    const { items, properties, additionalProperties } = (schema ?? {}) as Record<string, Self | undefined>
    return (typeof key === 'number' ? items : (properties?.[String(key)] ?? additionalProperties)) as Schema | undefined
  }, schemas.get(kind.kind))
  return Object.keys(found?.properties ?? {})
}

/** The schema of a spec, as the CRD has it. */
export function specSchema(kind: KindDefinition): Schema {
  const { versions } = crdOf(kind).spec as { versions: { schema: { openAPIV3Schema: Schema } }[] }
  const { properties } = (versions[0]?.schema.openAPIV3Schema ?? {}) as { properties?: { spec: Schema } }
  return properties?.spec ?? {}
}

function faultsOf(schema: Schema, value: unknown, place: string): string[] {
  const faults = ownFaults(schema, value).map(fault => `${place}${fault}`)
  if (Array.isArray(value)) {
    const items = schema.items as Schema | undefined
    return faults.concat(value.flatMap((item, index) => (items ? faultsOf(items, item, `${place}[${index}]`) : [])))
  }
  if (!isRecord(value)) return faults
  const { properties, additionalProperties } = schema as { properties?: Self; additionalProperties?: Schema }
  for (const [name, member] of Object.entries(value)) {
    const below = (properties?.[name] ?? additionalProperties) as Schema | undefined
    if (below) faults.push(...faultsOf(below, member, `${place}.${name}`))
  }
  return faults
}

function ownFaults(schema: Schema, value: unknown): string[] {
  const rules = (schema['x-kubernetes-validations'] ?? []) as { rule: string; message: string; fieldPath?: string }[]
  const broken = rules.filter(({ rule }) => isRecord(value) && serverRules[rule]?.(value) === false)
  const faults = broken.map(({ message, fieldPath = '' }) => `${fieldPath}: ${message}`)
  if (rules.some(({ rule }) => rule === timeIsRead.rule) && secondsOf(String(value)) === undefined)
    faults.push(': expected a time such as 2027-01-31T12:00:00Z')
  const twice = Array.isArray(value) ? twiceIn(schema, value) : undefined
  if (twice !== undefined) faults.push(`[${twice}]: it stands in the list already`)
  return faults
}

/** Index of the first entry that came before, in a list that is a set, or a map by some of its members. */
function twiceIn(schema: Schema, list: readonly unknown[]): number | undefined {
  const type = schema['x-kubernetes-list-type']
  if (type !== 'set' && type !== 'map') return undefined
  const keys = schema['x-kubernetes-list-map-keys'] as readonly string[] | undefined
  const seen = new Set<string>()
  for (const [index, item] of list.entries()) {
    const key = JSON.stringify(keys ? keys.map(name => (item as Self)[name]) : item)
    if (seen.has(key)) return index
    seen.add(key)
  }
  return undefined
}
