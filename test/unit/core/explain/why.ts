import { expect } from 'vitest'
import { kinds } from '../../../../core/api/kinds.ts'
import { type Explanation, explain, type WhyQuestion } from '../../../../core/explain/explain.ts'
import type { Change } from '../../../../core/explain/suggest-change.ts'
import type { GrantRow, RoleRow, Row, RuleRow } from '../../../../core/rows/rows.ts'
import { clientRow, grantRow, now, roleRow } from '../fixture.ts'

export const ask = (change: Partial<WhyQuestion> = {}): WhyQuestion => ({
  client: 'billing/invoices',
  method: 'GET',
  target: '/orders/7',
  keys: 'Stored',
  now,
  ...change,
})
export const reader = roleRow('reader', { methods: ['GET'], paths: ['/orders/{id}'] })
export const admin = roleRow('admin', { methods: ['GET', 'DELETE'], paths: ['/orders/**', '/admin/**', '/x'] })

export function why(rows: readonly Row[], change: Partial<WhyQuestion> = {}): Explanation {
  const explanation = explain(rows, ask(change))
  if (!explanation) throw new Error('the rows of this test are no slice')
  return explanation
}

/** The rows after a change, as a cluster would have made them: every new object has passed its kind's schema. */
export function changed(rows: readonly Row[], { verb, objects }: Change): Row[] {
  const known = rows.find(row => row.type === 'client' && row.name === 'invoices')
  let next = known ? [...rows] : [...rows, clientRow()]
  for (const object of objects) {
    const spec = object.spec as Record<string, unknown>
    if (verb === 'patch') {
      const expiresAt = Date.parse(String(spec.expiresAt)) / 1_000
      next = next.map(row => (row.type === 'grant' && row.name === object.metadata.name ? { ...row, expiresAt } : row))
      continue
    }
    expect(kinds.find(({ kind }) => kind === object.kind)?.spec.safeParse(spec).error).toBeUndefined()
    next.push(object.kind === 'Role' ? roleOf(object) : grantOf(object))
  }
  return next
}

function roleOf({ metadata, spec }: Change['objects'][number]): RoleRow {
  const { rules } = spec as { rules: (Omit<RuleRow, 'index'> & { services: string[] })[] }
  return roleRow(metadata.name, ...rules.map(({ services: _, ...rule }) => rule))
}

function grantOf({ metadata, spec }: Change['objects'][number]): GrantRow {
  const { roleRef, attributes } = spec as { roleRef: { name: string }; attributes?: Record<string, string> }
  return grantRow(metadata.name, roleRef.name, attributes && { attributes })
}
