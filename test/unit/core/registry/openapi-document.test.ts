import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { readOpenApi } from '../../../../core/registry/openapi-document.ts'
import { documentReaders } from '../../../../platform/openapi/document-readers.ts'
import { service } from './objects.ts'

const named = service('shop', 'orders', { openapi: { configMapRef: { name: 'api' } } })
const compressed = service('shop', 'orders', { openapi: { configMapRef: { name: 'api', key: 'openapi.json.gz' } } })
const good = JSON.stringify({
  openapi: '3.1.0',
  components: { securitySchemes: { o: { type: 'oauth2' } } },
  paths: { '/orders': { get: { security: [{ o: ['read'] }] } } },
})
const longest = 2 * 1024 * 1024
const padded = (bytes: number) => good + ' '.repeat(bytes - good.length)
const routes = [
  {
    name: 'get-orders',
    path: '/orders',
    methods: ['GET'],
    permission: { action: 'read', resource: 'orders' },
    variants: 'Refuse',
  },
]

const read = (data: Record<string, string>) =>
  readOpenApi(named, { metadata: { name: 'api', namespace: 'shop' }, data }, documentReaders)
const readBinary = (content: Uint8Array) => {
  const binaryData = { 'openapi.json.gz': Buffer.from(content).toString('base64') }
  return readOpenApi(compressed, { metadata: { name: 'api', namespace: 'shop' }, binaryData }, documentReaders)
}
const faultOf = (source: ReturnType<typeof read>) => [source.fault?.reason, source.fault?.message]

describe('the ConfigMap of a document', () => {
  it('gives its routes', () => {
    expect(read({ 'openapi.yaml': good })).toEqual({ routes })
  })

  it('that is missing, or has no such key, is a fault of its own', () => {
    expect(faultOf(readOpenApi(named, undefined, documentReaders))).toEqual([
      'OpenApiNotFound',
      'There is no ConfigMap api in namespace shop. Create it.',
    ])
    expect(faultOf(read({ other: '' }))).toEqual([
      'OpenApiNotFound',
      'The ConfigMap api has no key openapi.yaml. Add it.',
    ])
  })

  it('is read up to 2 MiB and refused beyond', () => {
    expect(read({ 'openapi.yaml': padded(longest) })).toEqual({ routes })
    expect(faultOf(read({ 'openapi.yaml': padded(longest + 1) }))[1]).toContain('longer than 2 MiB')
  })

  it('is refused when it cannot be read, without quoting it', () => {
    const source = read({ 'openapi.yaml': '{"secret": [' })
    expect(source.fault?.reason).toBe('OpenApiInvalid')
    expect(JSON.stringify(source)).not.toContain('secret')
  })
})

describe('a compressed document in binaryData', () => {
  it('is read up to 2 MiB of what it inflates to', () => {
    expect(readBinary(gzipSync(padded(longest)))).toEqual({ routes })
  })

  it.each([
    ['that inflates to one byte more', gzipSync(padded(longest + 1)), 'longer than 2 MiB'],
    ['that inflates to a gibibyte', gzipSync(Buffer.alloc(2 ** 30)), 'longer than 2 MiB'],
    ['that is no gzip', Buffer.from(good), 'not gzip'],
    ['that is cut', gzipSync(good).subarray(0, 40), 'not gzip'],
    ['with something after its end', Buffer.concat([gzipSync(good), Buffer.from('x')]), 'not gzip'],
    ['that holds no UTF-8', gzipSync(Buffer.from([0xff, 0xfe, 0xfd])), 'not gzip'],
    ['that is empty', Buffer.alloc(0), 'not gzip'],
  ])('%s is refused', (_, content, message) => {
    const [reason, text] = faultOf(readBinary(content))
    expect(reason).toBe('OpenApiInvalid')
    expect(text).toContain(message)
  })
})
