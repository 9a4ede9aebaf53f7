import { z } from 'zod'
import { group, type KindDefinition, type KindShape, version } from './kind.ts'
import { unseenStatus } from './schema.ts'

type Json = Record<string, unknown>

/**
 * The CustomResourceDefinition of a kind: structural schema, columns, and of one that people write the status subresource,
 * short names and the category.
 * @see https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/
 */
export function crdOf(kind: KindDefinition | KindShape): Json {
  const isForPeople = 'status' in kind
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${group}`, labels: { 'app.kubernetes.io/part-of': 'latchkey' } },
    spec: {
      group,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        ...(isForPeople && { shortNames: [...kind.shortNames], categories: ['latchkey'] }),
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(isForPeople && { subresources: { status: {} } }),
          ...(kind.selectable && { selectableFields: kind.selectable.map(jsonPath => ({ jsonPath })) }),
          additionalPrinterColumns: kind.columns.map(column => ({ ...column })),
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  }
}

const notEmpty = {
  rule: 'size(self) > 0',
  message: 'the list is empty: name at least one entry, or leave the field out where it may be left out',
}

function objectSchema(kind: KindDefinition | KindShape): Json {
  const spec = structural(z.toJSONSchema(kind.spec, { target: 'openapi-3.0', io: 'input', reused: 'inline' }))
  return {
    type: 'object',
    description: kind.description,
    // One with a default is never absent, and kubectl would ask for what is required before the API server fills it in.
    ...(spec.default === undefined && { required: ['spec'] }),
    properties: {
      apiVersion: { type: 'string', description: `${group}/${version}.` },
      kind: { type: 'string', description: `${kind.kind}.` },
      metadata: { type: 'object' },
      spec,
      ...('status' in kind && { status: statusSchema(kind) }),
    },
  }
}

function statusSchema(kind: KindDefinition): Json {
  return {
    ...structural(z.toJSONSchema(kind.status, { target: 'openapi-3.0', io: 'output', reused: 'inline' })),
    description: 'What the operator found and did. Written by the operator alone.',
    default: unseenStatus,
  }
}

/**
 * Rewrites what zod says into what a structural schema may say: no `additionalProperties: false` beside `properties`
 * (unknown fields are pruned or refused by the API server), no `anyOf` for int-or-string. What is worded shows no pattern,
 * and an empty list is told so in a sentence: the API server would tell of them first, in words that help nobody.
 */
function structural(schema: unknown): Json {
  if (typeof schema !== 'object' || schema === null) return {}
  const { $schema: _, additionalProperties, properties, items, anyOf, ...rest } = schema as Json
  const out: Json = { ...rest }
  if (out['x-kubernetes-int-or-string'] === true) return { ...out, anyOf: [{ type: 'integer' }, { type: 'string' }] }
  if (anyOf !== undefined) throw new TypeError('a structural schema has no anyOf: describe the field in one form')
  if (typeof properties === 'object' && properties !== null)
    out.properties = Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, structural(value)]))
  else if (typeof additionalProperties === 'object') out.additionalProperties = structural(additionalProperties)
  if (items !== undefined) out.items = structural(items)
  if (out.type === 'string' && out['x-kubernetes-validations'] !== undefined) {
    delete out.pattern
    delete out.minLength
  }
  if (out.minItems === 1) {
    delete out.minItems
    out['x-kubernetes-validations'] = [notEmpty, ...((out['x-kubernetes-validations'] as Json[] | undefined) ?? [])]
  }
  if (out.type === 'integer') out.format = 'int64'
  return out
}
