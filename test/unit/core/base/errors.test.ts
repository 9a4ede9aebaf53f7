import { expect, test } from 'vitest'
import { AccessError, type ErrorCode, errorCodes, fail } from '../../../../core/base/errors.ts'

test.each(Object.keys(errorCodes) as ErrorCode[])('fail(%s) throws an AccessError with that code', code => {
  const cause = new Error('below')
  const thrown = (() => {
    try {
      return fail(code, 'Do this next.', { name: 'x' }, cause)
    } catch (error) {
      return error
    }
  })()
  expect(thrown).toBeInstanceOf(AccessError)
  expect(thrown).toMatchObject({ name: 'AccessError', code, message: 'Do this next.', detail: { name: 'x' }, cause })
})

test('an error without detail and cause has none', () => {
  const error = new AccessError('not_found', 'No such thing.')
  expect(error.detail).toBeUndefined()
  expect(Object.hasOwn(error, 'cause')).toBe(false)
})

test('every code has an HTTP status of a refusal or a fault', () => {
  for (const { status } of Object.values(errorCodes)) expect(status).toBeGreaterThanOrEqual(400)
})
