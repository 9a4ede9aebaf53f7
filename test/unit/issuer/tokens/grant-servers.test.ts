import { beforeEach, expect, it } from 'vitest'
import type { Signer } from '../../../../issuer/publish/signing-keys.ts'
import type { Tenant } from '../../../../issuer/store/store.ts'
import { createGrantServers } from '../../../../issuer/tokens/grant-servers.ts'
import { createManualClock } from '../../platform/manual-clock.ts'

const signers = [{ kid: 'one' }] as unknown as [Signer]
const server = (issuer: string, tenant: Tenant = 'installation') => ({ issuer, tenant })

let clock: ReturnType<typeof createManualClock>
let made: string[]
let servers: ReturnType<typeof createGrantServers>

beforeEach(() => {
  clock = createManualClock()
  made = []
  servers = createGrantServers(({ issuer }, [{ kid }]) => {
    made.push(`${issuer} ${kid}`)
    return { answer: async () => {} }
  }, clock)
})

it('makes a server at its first request, and again when other keys sign', () => {
  const first = servers.get(server('a'), signers)
  expect([servers.get(server('a'), signers) === first, made]).toEqual([true, ['a one']])
  servers.get(server('a'), [{ kid: 'two' }] as unknown as [Signer])
  expect([made, servers.size()]).toEqual([['a one', 'a two'], 1])
})

it('makes another server for a service that was made anew under the same name', () => {
  const before = servers.get(server('a', { uid: '1' }), signers)
  expect(servers.get(server('a', { uid: '2' }), signers)).not.toBe(before)
})

it('lets a server go that was idle for ten minutes, and sleeps when none is left', async () => {
  servers.get(server('a'), signers)
  await clock.advance(300_000)
  servers.get(server('b'), signers)
  await clock.advance(301_000)
  expect(servers.size()).toBe(1)
  await clock.advance(600_000)
  expect([servers.size(), clock.pending()]).toEqual([0, 0])
  servers.get(server('a'), signers)
  expect([made.length, clock.pending()]).toEqual([3, 1])
  servers.stop()
  expect(clock.pending()).toBe(0)
})

it('keeps a thousand, and lets the one go that was used longest ago', () => {
  const first = servers.get(server('0'), signers)
  const second = servers.get(server('1'), signers)
  for (let index = 2; index < 1_000; index++) servers.get(server(String(index)), signers)
  expect(servers.get(server('0'), signers)).toBe(first)
  servers.get(server('more'), signers)
  expect([servers.size(), servers.get(server('0'), signers) === first]).toEqual([1_000, true])
  expect(servers.get(server('1'), signers)).not.toBe(second)
})
