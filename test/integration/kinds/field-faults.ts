/** A structural schema, as far as these tests read it. */
export interface Schema {
  readonly type?: string
  readonly properties?: Record<string, Schema>
  readonly items?: Schema
  readonly additionalProperties?: Schema
  readonly required?: readonly string[]
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly format?: string
  readonly maxLength?: number
  readonly minLength?: number
  readonly maxItems?: number
  readonly maxProperties?: number
  readonly maximum?: number
  readonly minimum?: number
  readonly default?: unknown
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string }[]
}

export interface Fault {
  /** Field as the API server names it, for example `spec.rules[0].methods`. */
  readonly field: string
  readonly what: string
  /** Puts the fault into a copy of a good spec. */
  readonly spoil: (spec: Record<string, unknown>) => void
}

type Path = readonly (string | number)[]

/** Every way to break one field of a spec that its schema itself should refuse. */
export function faultsOf(schema: Schema, spec: unknown, path: Path = []): Fault[] {
  if (spec === undefined) return []
  const own = path.length === 0 ? [] : ownFaults(schema, spec, path)
  if (schema.properties)
    return [
      ...own,
      ...requiredFaults(schema, spec, path),
      ...Object.entries(schema.properties).flatMap(([name, field]) =>
        faultsOf(field, (spec as Record<string, unknown>)[name], [...path, name]),
      ),
    ]
  if (schema.additionalProperties) {
    const [first] = Object.keys(spec as object)
    const value = first === undefined ? undefined : (spec as Record<string, unknown>)[first]
    return [...own, ...faultsOf(schema.additionalProperties, value, [...path, first ?? ''])]
  }
  if (schema.items && Array.isArray(spec)) return [...own, ...faultsOf(schema.items, spec[0], [...path, 0])]
  return own
}

function ownFaults(schema: Schema, good: unknown, path: Path): Fault[] {
  const put = (what: string, value: unknown): Fault => ({
    field: nameOf(path),
    what,
    spoil: spec => set(spec, path, value),
  })
  const faults: Fault[] = []
  if (schema['x-kubernetes-int-or-string']) return [put('a list', [1])]
  if (schema.type === 'string') {
    faults.push(put('a number', 7))
    if (schema.enum) faults.push(put('an unknown word', 'Surely-Not'))
    if (schema.pattern || schema['x-kubernetes-validations'])
      faults.push(put('a string that breaks the pattern', '\u0000 bad\n'))
    if (schema.maxLength !== undefined) faults.push(put('a string that is too long', 'a'.repeat(schema.maxLength + 1)))
    if (schema.minLength !== undefined || schema['x-kubernetes-validations']) faults.push(put('an empty string', ''))
    if (schema.format === 'date-time') faults.push(put('no time', 'yesterday'))
  } else if (schema.type === 'integer') faults.push(put('a string', 'many'))
  else if (schema.type === 'boolean') faults.push(put('a string', 'yes'))
  else if (schema.type === 'array') {
    faults.push(put('an object', { a: 1 }))
    if (schema.maxItems !== undefined) faults.push(put('too many items', many(good, schema.maxItems + 1)))
    if (schema['x-kubernetes-validations']?.some(({ rule }) => rule === 'size(self) > 0'))
      faults.push(put('no items', []))
  } else if (schema.type === 'object') {
    faults.push(put('a string', 'text'))
    if (schema.maxProperties !== undefined)
      faults.push(
        put('too many members', Object.fromEntries(many([0], schema.maxProperties + 1).map((_, i) => [`k${i}`, 'v']))),
      )
  }
  return faults
}

function requiredFaults(schema: Schema, spec: unknown, path: Path): Fault[] {
  return (schema.required ?? [])
    .filter(name => (spec as Record<string, unknown>)[name] !== undefined)
    .map(name => ({
      field: nameOf([...path, name]),
      what: 'nothing',
      spoil: target => set(target, [...path, name], undefined),
    }))
}

function many(good: unknown, count: number): unknown[] {
  const first = (good as unknown[])[0]
  return Array.from({ length: count }, (_, index) => {
    if (typeof first === 'string') return `${first}${index}`
    if (typeof first !== 'object' || first === null) return index
    const key = ['name', 'action', 'path'].find(name => name in first)
    return key ? { ...first, [key]: `${(first as Record<string, string>)[key]}${index}` } : first
  })
}

function set(spec: Record<string, unknown>, path: Path, value: unknown): void {
  let place = spec as Record<string | number, unknown>
  for (const part of path.slice(0, -1)) place = place[part] as Record<string | number, unknown>
  const last = path.at(-1) as string | number
  if (value === undefined) delete place[last]
  else place[last] = value
}

function nameOf(path: Path): string {
  return path.reduce<string>(
    (name, part) => (typeof part === 'number' ? `${name}[${part}]` : `${name}.${part}`),
    'spec',
  )
}
