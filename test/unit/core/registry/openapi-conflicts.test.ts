import { describe, expect, it } from 'vitest'
import { inspectDocument } from '../../../../core/registry/inspect-document.ts'

const faultOf = (paths: object, more: object = {}) => {
  const found = inspectDocument({ openapi: '3.1.0', paths, ...more }, 'orders')
  return 'fault' in found ? found.fault : found.routes.length
}
const two = { '/orders/{a}': { get: {}, put: {} }, '/orders/{b}': { get: {}, delete: {} } }
const sentence =
  'At paths./orders/{b}.get: it matches the same requests as paths./orders/{a}.get; change or remove one.'

describe('two operations that match the same requests', () => {
  it('are told with both places, as a conflict', () => {
    expect(faultOf(two)).toEqual({ reason: 'RouteConflict', message: sentence })
  })

  it('are told with whatever else is wrong', () => {
    expect(faultOf({ ...two, '/c': { GET: {} } })).toEqual({
      reason: 'OpenApiInvalid',
      message: `2 faults. At paths./c.GET: no field of a path item; write get. ${sentence}`,
    })
    expect(faultOf(two, { servers: [{ url: 'v1' }] })).toMatchObject({ message: expect.stringContaining(sentence) })
  })

  it('are all told at once', () => {
    const found = faultOf({ ...two, '/orders/{c}': { get: {}, put: {} }, '/{x}/1': { get: {} }, '/{y}/1': { get: {} } })
    expect(found).toMatchObject({ reason: 'RouteConflict' })
    const message = typeof found === 'number' ? '' : found.message
    expect(message).toMatch(/^4 faults\./)
    for (const [one, other] of [
      ['/orders/{b}.get', '/orders/{a}.get'],
      ['/orders/{c}.get', '/orders/{a}.get'],
      ['/orders/{c}.put', '/orders/{a}.put'],
      ['/{y}/1.get', '/{x}/1.get'],
    ]) {
      expect(message).toContain(`At paths.${one}: it matches the same requests as paths.${other};`)
    }
  })

  it('are told as far as a condition holds them', () => {
    const long = (at: number) => `/${'x'.repeat(400)}/{p${at}}`
    const many = Object.fromEntries(Array.from({ length: 1_500 }, (_, at) => [long(at), { get: {} }]))
    expect(faultOf(many)).toMatchObject({
      reason: 'RouteConflict',
      message: expect.stringMatching(/^1000 faults or more\..{300,1880}\. And 99\d more\.$/),
    })
  })

  it('may have their paths from servers', () => {
    const paths = { '/v1/a': { get: {} }, '/a': { servers: [{ url: '/v1' }], get: {} } }
    expect(faultOf(paths)).toMatchObject({
      message: 'At paths./a.get: it matches the same requests as paths./v1/a.get; change or remove one.',
    })
  })

  it('are none with other methods, other literals, or of a server that is not known', () => {
    expect(faultOf({ '/orders/{a}': { get: {} }, '/orders/{b}': { put: {} }, '/orders/all': { get: {} } })).toBe(3)
    const own = {
      '/a': { get: {} },
      '/b/a': { get: {} },
      '/{x}': { get: { servers: [{ url: 'v1' }] } },
      '/{y}': { get: {} },
    }
    expect(faultOf(own)).toMatchObject({ message: expect.not.stringContaining('matches the same') })
  })
})
