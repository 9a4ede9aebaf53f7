import { expect, test } from 'vitest'
import { settingsFault } from '../../../../issuer/store/redis/settings-fault.ts'

const good = {
  maxmemory_policy: 'noeviction',
  aof_enabled: '1',
  role: 'master',
  cluster_enabled: '0',
}
const info = (told: Record<string, string>) =>
  `# Server\r\nredis_version:7.0.15\r\n\r\n${Object.entries({ ...good, ...told })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')}`

test('a Redis that evicts nothing and writes every change down will do', () => {
  expect(settingsFault(info({}), '')).toBeUndefined()
  expect(settingsFault(info({}), undefined)).toBeUndefined()
})

test.each(['allkeys-lru', 'allkeys-lfu', 'allkeys-random', 'volatile-lru', 'volatile-ttl', 'volatile-random'])(
  'one that evicts by %s is told to stop',
  policy => {
    expect(settingsFault(info({ maxmemory_policy: policy }), '')).toBe(
      `Redis may evict what it was told: set maxmemory-policy to noeviction (it is ${policy})`,
    )
  },
)

test('one that keeps nothing over a restart is told to, and snapshots are better than nothing', () => {
  const off = info({ aof_enabled: '0' })
  expect(settingsFault(off, '')).toMatch(/^Redis forgets everything when it restarts: set appendonly to yes/)
  expect(settingsFault(off, '3600 1 300 100')).toBeUndefined()
})

test('one that does not say whether it makes snapshots is told what would do', () => {
  expect(settingsFault(info({ aof_enabled: '0' }), undefined)).toMatch(/set appendonly to yes .*CONFIG GET save/)
})

test('a replica and a cluster are refused by name', () => {
  expect(settingsFault(info({ role: 'slave' }), '')).toMatch(/replica of Redis: name the primary/)
  expect(settingsFault(info({ cluster_enabled: '1' }), '')).toMatch(/cluster-enabled no/)
})

test('one that says nothing of itself is not believed to be safe', () => {
  for (const text of ['', 'null', 'OK', 'maxmemory_policy']) expect(settingsFault(text, '')).toMatch(/noeviction/)
  expect(settingsFault('maxmemory_policy:noeviction\r\naof_enabled:1\r\n', '')).toMatch(/name the primary/)
})
