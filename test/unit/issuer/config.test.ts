import { expect, it } from 'vitest'
import { readIssuerConfig } from '../../../issuer/config.ts'

const needed = { LATCHKEY_NAMESPACE: 'latchkey-system', LATCHKEY_ISSUER_URL: 'https://issuer.test/default/' }

it('has defaults that fit the chart', () => {
  expect(readIssuerConfig(needed)).toMatchObject({
    issuerUrl: 'https://issuer.test/default',
    operatorUser: 'system:serviceaccount:latchkey-system:latchkey-operator',
    fullname: 'latchkey',
    installation: 'default',
    port: 8443,
    snapshotPort: 8444,
    tokenPort: 8445,
    healthPort: 8081,
    peerRate: 500,
    clientRate: 200,
  })
})

it('reads the map of client ids, and tells every mistake at once', () => {
  const read = readIssuerConfig({ ...needed, LATCHKEY_CLIENT_IDS: '{"acme.orders":"partners/acme"}' })
  expect(read.clientIds.get('acme.orders')).toBe('partners/acme')
  const wrong = { LATCHKEY_CLIENT_IDS: '{"a":"b"}', LATCHKEY_PORT: 'x', LATCHKEY_TYPO: '1' }
  expect(() => readIssuerConfig(wrong)).toThrow(
    /LATCHKEY_TYPO[\s\S]*LATCHKEY_NAMESPACE[\s\S]*LATCHKEY_ISSUER_URL[\s\S]*LATCHKEY_CLIENT_IDS[\s\S]*LATCHKEY_PORT/,
  )
})

const redis = { ...needed, LATCHKEY_TOKEN_STORE: 'Redis', LATCHKEY_REDIS_URL: 'rediss://redis.example:6380/3' }

it('has the Kubernetes API as token store, or the Redis that is named', () => {
  expect(readIssuerConfig(needed).redis).toBeUndefined()
  expect(readIssuerConfig(redis).redis).toMatchObject({ url: 'rediss://redis.example:6380/3' })
  const files = { LATCHKEY_REDIS_CREDENTIALS: '/redis', LATCHKEY_REDIS_CA_FILE: '/ca.crt' }
  const { credentials, caFile } = readIssuerConfig({ ...redis, ...files }).redis ?? {}
  expect({ credentials, caFile }).toEqual({ credentials: '/redis', caFile: '/ca.crt' })
})

it('takes no Redis without its URL, and no setting of Redis that would go unused', () => {
  expect(() => readIssuerConfig({ ...needed, LATCHKEY_TOKEN_STORE: 'Redis' })).toThrow(/LATCHKEY_REDIS_URL: required/)
  for (const name of ['LATCHKEY_REDIS_CREDENTIALS', 'LATCHKEY_REDIS_CA_FILE', 'LATCHKEY_REDIS_URL']) {
    const given = { ...needed, [name]: 'redis://redis.example' }
    expect(() => readIssuerConfig(given)).toThrow(/LATCHKEY_REDIS_…: of no use without/)
  }
})

it.each([
  'redis://user:password@redis.example',
  'rediss://:password@redis.example',
  'http://redis.example',
  'redis:///0',
  'redis://redis.example/zero',
  'redis://redis.example/1/2',
  'redis://redis.example?db=1',
  'redis://redis.example#1',
  'redis.example:6379',
  'unix:///run/redis.sock',
])('takes no %s for the URL of a Redis, and does not repeat it', url => {
  expect(() => readIssuerConfig({ ...redis, LATCHKEY_REDIS_URL: url })).toThrow(
    /LATCHKEY_REDIS_URL: expected a redis:\/\/ or rediss:\/\/ URL without credentials, such as rediss:\/\/redis.example:6379\/0$/,
  )
})

it.each(['LATCHKEY_TOKEN_PEER_RATE', 'LATCHKEY_TOKEN_CLIENT_RATE'])('takes no %s that lets nobody in', name => {
  expect(() => readIssuerConfig({ ...needed, [name]: '0' })).toThrow(name)
})
