import fc from 'fast-check'
import { expect, test } from 'vitest'
import { verifyToken } from '../../../../core/credential/verify.ts'
import { decide } from '../../../../core/policy/decide.ts'
import type { Row } from '../../../../core/rows/rows.ts'
import { routeRow } from '../../../builders/policy.ts'
import { clientRow, clientToken, grantRow, now, roleRow, serviceRow, snapshotOf, withoutIdentity } from '../fixture.ts'
import { changed, why } from './why.ts'

test('the answer is the guard’s, and every change it proposes allows the call', () => {
  const path = fc.constantFrom('/orders', '/orders/7', '/orders/7/items', '/admin', '/x', '/Orders')
  const template = fc.constantFrom('/orders', '/orders/{id}', '/orders/**', '/{any}', '/orders/*/items', '/x')
  const method = fc.constantFrom('GET', 'DELETE', 'HEAD')
  const when = fc.constantFrom(
    undefined,
    [{ attributeEquals: { param: 'id', attribute: 'id' } }],
    [{ scopeContains: { scope: 's' } }],
  )
  const rule = fc.record({
    methods: fc.subarray(['GET', 'DELETE'], { minLength: 1 }),
    paths: fc.array(template, { minLength: 1, maxLength: 2 }),
    when,
  })
  const role = fc.array(rule, { minLength: 1, maxLength: 2 })
  const grant = fc.record({ role: fc.nat(2), ended: fc.boolean(), attribute: fc.constantFrom(undefined, '7', '8') })
  const routes = fc.constantFrom(
    [],
    [routeRow('one', '/orders/{id}'), routeRow('all', '/orders'), routeRow('x', '/x', { methods: ['GET', 'DELETE'] })],
  )
  fc.assert(
    fc.property(
      fc.array(role, { maxLength: 3 }),
      fc.array(grant, { maxLength: 3 }),
      routes,
      method,
      path,
      (roles, grants, list, asked, target) => {
        const rows: Row[] = [
          serviceRow({ routes: list }),
          clientRow(),
          ...roles.map((rules, at) =>
            roleRow(
              `r${at}`,
              ...rules.map(({ when: conditions, ...rest }) => ({ ...rest, ...(conditions && { when: conditions }) })),
            ),
          ),
          ...grants.map(({ role: at, ended, attribute }, index) =>
            grantRow(`g${index}`, `r${at}`, {
              ...(ended && { expiresAt: now }),
              ...(attribute && { attributes: { id: attribute } }),
            }),
          ),
        ]
        const question = { method: asked, target }
        const explanation = why(rows, question)
        const snapshot = snapshotOf(rows)
        const identity = verifyToken(clientToken(), snapshot, now)
        expect(explanation.decision).toEqual(
          withoutIdentity(decide({ method: asked, target }, identity, snapshot, now)),
        )
        const { change } = explanation
        const grantable =
          explanation.decision.reason === 'not_granted' || explanation.decision.reason === 'grant_expired'
        expect(change !== undefined).toBe(grantable)
        if (change) expect(why(changed(rows, change), question).outcome).toBe('allow')
      },
    ),
    { numRuns: 400 },
  )
})
