import { expect, test } from 'vitest'
import { apiKeyPlace, isOwnHeader } from '../../../../core/api/api-key-place.ts'
import { hopByHop, isReserved } from '../../../../platform/wire/fields/reserved-fields.ts'

const told = [
  'authorization',
  'content-length',
  'content-type',
  'cookie',
  'forwarded',
  'host',
  'latchkey-client',
  'path-info',
  'proxy',
  'remote-user',
  'script-name',
  'true-client-ip',
  'x-accel-redirect',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-original-path',
  'x-forwarded-for',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-middleware-subrequest',
  'x-original-uri',
  'x-real-ip',
  'x-remote-user',
  'x-request-id',
  'x-rewrite-url',
  'x-scheme',
  'x-script-name',
  'x-sendfile-type',
  'x-url-scheme',
]

test.each([...told, ...hopByHop])('%s cannot be the header of API keys, in any case', name => {
  expect(isOwnHeader(name)).toBe(false)
  expect(isOwnHeader(name.toUpperCase())).toBe(false)
})

test.each(['X-Api-Key', 'Apikey', 'Ocp-Apim-Subscription-Key', 'x-gateway-apikey'])('%s can be', header => {
  expect(isOwnHeader(header)).toBe(true)
  expect(isReserved(header.toLowerCase())).toBe(false)
  expect(apiKeyPlace.safeParse({ header }).success).toBe(true)
})

test.each(['', 'x_api_key', 'X-Api-Key:', 'X Api', '-x', 'x-', 'x--y', '1x', 'é', 'a'.repeat(65)])(
  '"%s" is no name of a header that all apps read alike',
  header => {
    expect(apiKeyPlace.safeParse({ header }).success).toBe(false)
  },
)

test.each(['', 'api key', 'api%2Dkey', 'a&b', 'a=b', 'a;b', 'a+b', 'a[]', '1a', 'é', 'a'.repeat(65)])(
  '"%s" is no name of a parameter that needs no escape',
  query => {
    expect(apiKeyPlace.safeParse({ query }).success).toBe(false)
  },
)
