import { reasons } from '../base/reasons.ts'
import { crdOf } from './crd.ts'
import { apiVersion, type KindDefinition } from './kind.ts'

interface Schema {
  readonly type?: string
  readonly description?: string
  readonly properties?: Record<string, Schema>
  readonly additionalProperties?: Schema
  readonly items?: Schema
  readonly required?: readonly string[]
  readonly enum?: readonly string[]
  readonly default?: unknown
  readonly 'x-kubernetes-int-or-string'?: boolean
  readonly 'x-kubernetes-validations'?: readonly { readonly message: string }[]
}

/** The reference page, in Markdown: every field, condition and decision reason. */
export function referencePage(kinds: readonly KindDefinition[]): string {
  return `${[
    '# Reference',
    'Made by `make generate` from `core/api`. Do not edit.',
    `All kinds are \`${apiVersion}\` and namespaced.`,
    ...kinds.map(kindSection),
    decisionSection(),
  ].join('\n\n')}\n`
}

function kindSection(kind: KindDefinition): string {
  const { spec, status } = schemasOf(kind)
  return [
    `## ${kind.kind}`,
    kind.description,
    `Names: \`${kind.plural}.latchkey.dev\`, short \`${kind.shortNames.join('`, `')}\`.`,
    '### Spec',
    table(['Field', 'Type', 'Meaning'], fieldRows(spec, 'spec')),
    rules(spec),
    '### Status',
    table(['Field', 'Type', 'Meaning'], fieldRows(status, 'status')),
    '### Conditions',
    table(
      ['Condition', 'Reason', 'Meaning'],
      Object.entries(kind.conditions).flatMap(([type, list]) =>
        Object.entries(list).map(([reason, meaning]) => [`\`${type}\``, `\`${reason}\``, meaning]),
      ),
    ),
  ]
    .filter(part => part !== '')
    .join('\n\n')
}

function schemasOf(kind: KindDefinition): { spec: Schema; status: Schema } {
  const crd = crdOf(kind) as {
    spec: { versions: [{ schema: { openAPIV3Schema: { properties: { spec: Schema; status: Schema } } } }] }
  }
  return crd.spec.versions[0].schema.openAPIV3Schema.properties
}

function fieldRows(schema: Schema, path: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`
    if (here === 'status.conditions') return [[`\`${here}[]\``, 'Condition', field.description ?? '']]
    const inner = field.type === 'array' ? field.items : field
    const suffix = field.type === 'array' ? '[]' : ''
    const required = schema.required?.includes(name) && field.default === undefined ? ' Required.' : ''
    const fallback = field.default === undefined ? '' : ` Default: \`${JSON.stringify(field.default)}\`.`
    return [
      [`\`${here}${suffix}\``, takenForms[here] ?? typeName(field), `${field.description ?? ''}${required}${fallback}`],
      ...(inner ? fieldRows(inner, here + suffix) : []),
    ]
  })
}

/** A schema has one type; a field that takes two forms has none, and says here what it takes. */
const takenForms: Readonly<Record<string, string>> = {
  'spec.routes[].tags': 'map of string (0.1.0: list of string)',
}

function typeName(field: Schema): string {
  if (field['x-kubernetes-int-or-string']) return 'integer or string'
  if (field.type === 'array') return `list of ${typeName(field.items ?? {})}`
  if (field.additionalProperties) return `map of ${typeName(field.additionalProperties)}`
  if (field.enum) return field.enum.map(value => (value === '' ? '`""`' : `\`${value}\``)).join(', ')
  return field.type ?? 'any'
}

function rules(schema: Schema): string {
  const found = collectRules(schema)
  return found.length === 0
    ? ''
    : `Refused at admission, with these messages:\n\n${[...new Set(found)].map(text => `- ${text}`).join('\n')}`
}

function collectRules(schema: Schema): string[] {
  return [
    ...(schema['x-kubernetes-validations'] ?? []).map(rule => rule.message),
    ...Object.values(schema.properties ?? {}).flatMap(collectRules),
    ...(schema.items ? collectRules(schema.items) : []),
  ]
}

function decisionSection(): string {
  const rows = Object.entries(reasons).map(([reason, { status, hint }]) => [
    status === 200 ? `\`${reason}\`` : `[\`${reason}\`](problems.md#${reason})`,
    String(status),
    hint,
  ])
  return [
    '## Decisions',
    'The reason stands in the header `Latchkey-Decision`, in the problem body and in the [audit line](audit-log.md).',
    table(['Reason', 'Status', 'What to do'], rows),
  ].join('\n\n')
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
