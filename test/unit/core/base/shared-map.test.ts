import fc from 'fast-check'
import { expect, test } from 'vitest'
import { editMap, emptyMap, lookup, valuesOf } from '../../../../core/base/shared-map.ts'

test('behaves as a Map does, over any edits, and keeps every earlier map as it was', () => {
  const keys = ['a', 'b', 'c', '', 'client/x', '__proto__']
  const change = fc.tuple(fc.constantFrom(...keys), fc.option(fc.integer()))
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 5 }), edits => {
      const model = new Map<string, number>()
      const history = [{ map: emptyMap<number>(), model: new Map(model) }]
      for (const edit of edits) {
        const editing = editMap(history[history.length - 1]?.map ?? emptyMap<number>())
        for (const [key, value] of edit) {
          if (value === null) {
            model.delete(key)
            editing.delete(key)
          } else {
            model.set(key, value)
            editing.set(key, value)
          }
          expect(editing.get(key)).toBe(model.get(key))
        }
        history.push({ map: editing.finish(), model: new Map(model) })
      }
      for (const { map, model: expected } of history) {
        expect(map.size).toBe(expected.size)
        expect([...valuesOf(map)].sort()).toEqual([...expected.values()].sort())
        for (const key of keys) expect(lookup(map, key)).toBe(expected.get(key))
      }
    }),
  )
})

test('an edit without changes is the same map', () => {
  const map = emptyMap<number>()
  const edit = editMap(map)
  edit.delete('a')
  expect(edit.finish()).toBe(map)
})
