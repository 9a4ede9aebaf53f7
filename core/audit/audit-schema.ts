import { type AuditField, auditFields, auditVersion } from './audit-entry.ts'

const fields: readonly (readonly [string, AuditField])[] = Object.entries(auditFields)

/** The JSON Schema of an audit line. Other members may come within a version, so it does not refuse them. */
export function auditSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `https://latchkey.dev/schemas/audit-log-v${auditVersion}.json`,
    title: 'Latchkey audit line',
    description: 'One decision of a guard. Made by `make generate` from core/audit.',
    type: 'object',
    properties: Object.fromEntries(fields.map(([name, field]) => [name, propertyOf(field)])),
    required: fields.filter(([, field]) => field.required).map(([name]) => name),
  }
}

function propertyOf({ type, values, maxLength, format, what }: AuditField): Record<string, unknown> {
  return {
    description: what.replaceAll(/\[(\w+)\]\([^)]*\)/g, '$1'),
    type,
    ...(values && { enum: values }),
    ...(maxLength !== undefined && { maxLength }),
    ...(format && { format }),
  }
}

/** The members as a table in Markdown. */
export function auditTable(): string {
  const rows = fields.map(([name, { type, required, values, what }]) => {
    const listed = values && name !== 'reason' ? `: ${values.map(value => `\`${value}\``).join(', ')}` : ''
    return `| \`${name}\` | ${type}${listed} | ${required ? 'always' : ''} | ${what.replaceAll('|', '\\|')} |`
  })
  return ['| Member | Type | Present | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
}
