import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { mostValueBytes } from '../../../../core/base/record-types.ts'
import { decodeRecord, encodeKey, encodeValue } from '../../../../issuer/store/encode-record.ts'

const uid = '6f1f3e0a-6c1c-4b44-9e0e-6f3d6f6b2a10'
const code = { type: 'Code', tenant: { uid }, id: 'Jx0fWq3kq2vZ' } as const

test('a record is named by the SHA-256 of its type, tenant and id', () => {
  const hash = createHash('sha256').update(`["Code","${uid}","Jx0fWq3kq2vZ"]`).digest('hex')
  expect(encodeKey(code)).toEqual({ type: 'Code', tenant: uid, hash })
})

test('no two keys have one name, wherever type, tenant and id border', () => {
  const keys = [
    code,
    { ...code, type: 'Grant' },
    { ...code, tenant: 'installation' },
    { ...code, id: '' },
    { ...code, id: `","${code.id}` },
    { ...code, tenant: { uid: `${uid}","` } },
  ] as const
  expect(new Set(keys.map(key => encodeKey(key).hash)).size).toBe(keys.length)
})

test('a value has 16 KiB of JSON, in bytes', () => {
  const room = mostValueBytes - '{"t":""}'.length
  expect(encodeValue(code, { endsAt: 1, value: { t: 'x'.repeat(room) } })).toHaveLength(mostValueBytes)
  expect(() => encodeValue(code, { endsAt: 1, value: { t: 'x'.repeat(room + 1) } })).toThrow(
    expect.objectContaining({ reason: 'value_too_large' }),
  )
  expect(() => encodeValue(code, { endsAt: 1, value: { t: 'ü'.repeat(room / 2 + 1) } })).toThrow(
    expect.objectContaining({ reason: 'value_too_large' }),
  )
})

test('the secret of a code is in no value, also as a part of a text and with what JSON escapes', () => {
  const quoted = { ...code, id: 'a"b\\c' }
  expect(() => encodeValue(code, { endsAt: 1, value: { a: { jti: `x${code.id}y` } } })).toThrow(TypeError)
  expect(() => encodeValue(quoted, { endsAt: 1, value: { jti: quoted.id } })).toThrow(TypeError)
  // The id of a token that was revoked is no secret, and a list is of use only if it says which.
  expect(encodeValue({ ...code, type: 'Revocation' }, { endsAt: 1, value: { jti: code.id } })).toBeDefined()
})

test('a record ends in the second that was told, and not before', () => {
  expect(decodeRecord(100, '{"a":1}', 99_999)).toEqual({ endsAt: 100, value: { a: 1 } })
  expect(decodeRecord(100, undefined, 99_999)).toEqual({ endsAt: 100, value: undefined })
  expect(decodeRecord(100, '{"a":1}', 100_000)).toBeUndefined()
})

test('what is no value is an error that does not quote it', () => {
  for (const text of ['{"secret', '"secret"', '["secret"]', 'null', '']) {
    expect(() => decodeRecord(100, text, 0)).toThrow(/^a record of the token store holds no JSON object$/)
  }
  expect(() => decodeRecord(Number.NaN, '{}', 0)).toThrow(/has no end/)
})
