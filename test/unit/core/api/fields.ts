import { crdOf } from '../../../../core/api/crd.ts'
import type { KindDefinition } from '../../../../core/api/kind.ts'

export type Schema = Readonly<Record<string, unknown>>

/** Every field of a kind with its path: members, items and values of maps. */
function fieldsOf(schema: Schema, path: string): [string, Schema][] {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>)
  return [
    [path, schema],
    ...properties.flatMap(([name, field]) => fieldsOf(field, `${path}.${name}`)),
    ...(schema.items ? fieldsOf(schema.items as Schema, `${path}[]`) : []),
    ...(schema.additionalProperties ? fieldsOf(schema.additionalProperties as Schema, `${path}{}`) : []),
  ]
}

/** What people write, and what the operator does. */
export function specAndStatus(kind: KindDefinition): [string, Schema][] {
  const crd = crdOf(kind) as { spec: { versions: [{ schema: { openAPIV3Schema: { properties: Schema } } }] } }
  const { spec, status } = crd.spec.versions[0].schema.openAPIV3Schema.properties as Record<string, Schema>
  return [...fieldsOf(spec ?? {}, 'spec'), ...fieldsOf(status ?? {}, 'status')]
}
