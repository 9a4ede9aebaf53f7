import { expect, test } from 'vitest'
import { kinds } from '../../../../core/api/kinds.ts'
import { type Schema, specAndStatus } from './fields.ts'

/** Whether a value of any size would be taken. */
function isUnbounded(field: Schema): boolean {
  if (field['x-kubernetes-int-or-string'] || field.enum) return false
  if (field.additionalProperties) return field.maxProperties === undefined
  if (field.type === 'string') return field.maxLength === undefined
  if (field.type === 'array') return field.maxItems === undefined
  if (field.type === 'integer') return field.minimum === undefined || field.maximum === undefined
  return false
}

test.each(kinds.map(kind => [kind.kind, kind] as const))('every field of %s is described and bounded', (_, kind) => {
  const fields = specAndStatus(kind)
  expect(fields.length).toBeGreaterThan(10)
  const undescribed = fields.filter(([path, field]) => !/(\[\]|\{\})$/.test(path) && !field.description)
  expect(undescribed.map(([path]) => path)).toEqual([])
  expect(fields.filter(([, field]) => isUnbounded(field)).map(([path]) => path)).toEqual([])
})

test.each(kinds.map(kind => [kind.kind, kind] as const))(
  'every list of %s says how two writers merge it',
  (_, kind) => {
    const lists = specAndStatus(kind).filter(([, field]) => field.type === 'array')
    expect(lists.filter(([, field]) => !field['x-kubernetes-list-type']).map(([path]) => path)).toEqual([])
  },
)
