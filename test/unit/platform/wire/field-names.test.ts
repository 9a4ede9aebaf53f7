import { describe, expect, it } from 'vitest'
import { answerField } from '../../../../platform/wire/fields/answer-field.ts'
import { fieldName, slots } from '../../../../platform/wire/fields/field-name.ts'
import { foldName, isReserved } from '../../../../platform/wire/fields/reserved-fields.ts'

const hopByHop = [
  'Connection',
  'Expect',
  'HTTP2-Settings',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
]
const passing = [
  'Accept',
  'Content-Type',
  'X-Team',
  'X-Original',
  'Latchkey',
  'X-Forward',
  'Real-IP',
  'Envoy-X',
  'X_Team',
]

describe('a field of a request', () => {
  it('is known by its name in lower case, and kept as it was sent', () => {
    expect(fieldName('X-Team')).toEqual({
      lower: 'x-team',
      sent: 'X-Team',
      single: 0,
      slot: slots.other,
      endsHere: false,
      holdsCredential: false,
    })
  })

  it.each([...hopByHop, 'Latchkey-Client', 'X-Forwarded-For', 'X_Forwarded_For'])('%s ends here', name => {
    expect(fieldName(name).endsHere).toBe(true)
    expect(fieldName(name.toUpperCase()).endsHere).toBe(true)
  })

  it.each(passing)('%s passes', name => {
    expect(fieldName(name).endsHere).toBe(false)
  })

  it.each([
    'Authorization',
    'Content-Length',
    'Content-Location',
    'Content-Range',
    'Content-Type',
    'Cookie',
    'Expect',
    'From',
    'Host',
    'If-Modified-Since',
    'If-Range',
    'If-Unmodified-Since',
    'Max-Forwards',
    'Origin',
    'Proxy-Authorization',
    'Range',
    'Referer',
    'Sec-WebSocket-Key',
    'Sec-WebSocket-Version',
    'Transfer-Encoding',
    'Upgrade',
    'User-Agent',
  ])('%s means one thing', name => {
    expect(fieldName(name).single).not.toBe(0)
    expect(fieldName(name.toLowerCase()).single).toBe(fieldName(name).single)
  })

  it('which each have a mark of their own', () => {
    const names = ['Host', 'Cookie', 'Range', 'Upgrade', 'User-Agent', 'Authorization', 'Origin']
    expect(new Set(names.map(name => fieldName(name).single)).size).toBe(names.length)
  })

  it.each([
    ['Host', 'host'],
    ['Authorization', 'authorization'],
    ['Connection', 'connection'],
    ['Content-Length', 'contentLength'],
    ['Transfer-Encoding', 'transferEncoding'],
    ['Upgrade', 'upgrade'],
    ['Expect', 'expect'],
    ['X-Request-Id', 'requestId'],
    ['Accept', 'other'],
  ] as const)('%s is kept as %s', (name, slot) => {
    expect(fieldName(name).slot).toBe(slots[slot])
  })

  it('that holds a credential says so', () => {
    expect([fieldName('AUTHORIZATION').holdsCredential, fieldName('Cookie').holdsCredential]).toEqual([true, false])
  })
})

describe('a client may not say', () => {
  it.each([
    'forwarded',
    'x-client-ip',
    'x-cluster-client-ip',
    'x-http-method',
    'x-http-method-override',
    'x-method-override',
    'x-original-method',
    'x-original-uri',
    'x-original-url',
    'x-real-ip',
    'x-request-id',
    'x-rewrite-url',
    'true-client-ip',
    'latchkey-anything',
    'x-forwarded-anything',
    'x-envoy-anything',
    'x-middleware-anything',
    'x-original-anything',
    'x-rewrite-anything',
  ])('%s, however it is spelt', name => {
    for (const spelling of [name, name.replaceAll('-', '_'), name.replaceAll('-', '.'), name.replace('-', '~')])
      expect(isReserved(spelling), spelling).toBe(true)
  })

  it.each(['content-length', 'content-type', 'transfer-encoding', 'proxy-authorization'])(
    '%s in another spelling, which an app could take for it',
    name => {
      expect(isReserved(name)).toBe(false)
      expect(isReserved(name.replace('-', '_'))).toBe(true)
    },
  )

  it.each(passing)('while it may say %s', name => {
    expect(isReserved(name.toLowerCase())).toBe(false)
  })

  it('the same letters in another spelling are one name', () => {
    expect(['X_A.b~C', 'x-a-b-c'].map(foldName)).toEqual(['x-a-b-c', 'x-a-b-c'])
    expect(foldName('a1')).toBe('a1')
  })
})

describe('a field of an answer', () => {
  it('is known by its name in lower case, and written as the app wrote it', () => {
    expect(answerField('X-Team')).toEqual({ lower: 'x-team', label: 'X-Team: ', role: 'other', endsHere: false })
  })

  it.each([
    ['Content-Length', 'length'],
    ['Transfer-Encoding', 'coding'],
    ['Connection', 'connection'],
    ['Keep-Alive', 'keep-alive'],
    ['Upgrade', 'upgrade'],
    ['DATE', 'date'],
  ])('%s is read as %s', (name, role) => {
    expect(answerField(name).role).toBe(role)
  })

  it.each([...hopByHop, 'Content-Length', 'Latchkey-Decision', 'latchkey_decision', 'LATCHKEY.Decision'])(
    '%s ends here',
    name => {
      expect(answerField(name).endsHere).toBe(true)
    },
  )

  it.each(['Date', 'Content-Type', 'Latchkey-Client', 'X-Forwarded-For', 'Set-Cookie'])('%s passes', name => {
    expect(answerField(name).endsHere).toBe(false)
  })
})
