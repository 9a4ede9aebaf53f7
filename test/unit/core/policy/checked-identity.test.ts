import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CheckedIdentity, Identity } from '../../../../core/base/identity.ts'
import { decide } from '../../../../core/policy/decide.ts'
import type { Decision } from '../../../../core/policy/decision.ts'
import { keepsToken, pushIdentity } from '../../../../enforce/forward-head.ts'
import { repositoryRoot } from '../../../cluster/binaries.ts'
import {
  clientRow,
  grantRow,
  identityOf,
  keyRow,
  mainKey,
  now,
  roleRow,
  serviceRow,
  snapshotOf,
  usualRows,
} from '../fixture.ts'

const proved = identityOf(snapshotOf(usualRows()))
const open = serviceRow({ public: [{ path: '/open', methods: ['GET'] }] })
const slice = (...rows: unknown[]) =>
  snapshotOf([open, roleRow('reader', { methods: ['GET'], paths: ['/orders'] }), ...rows])
const named = (snapshot: ReturnType<typeof snapshotOf>, target: string, at = now): string | undefined =>
  decide({ method: 'GET', target }, proved, snapshot, at).identity?.clientId

describe('S11 a decision names its caller', () => {
  const whole = slice(clientRow(), grantRow('g', 'reader'))
  test.each(['/open', '/orders', '/elsewhere', '/orders/../x'])('where the caller counts, also on %s', target => {
    expect(named(whole, target)).toBe(proved.clientId)
  })

  test.each(['/open', '/orders', '/elsewhere', '/orders/../x'])('and nobody on %s where it does not count', target => {
    for (const client of [{ suspended: true }, { keys: [] }, { keys: [keyRow(mainKey, { revoked: true })] }]) {
      expect(named(slice(clientRow(client), grantRow('g', 'reader')), target)).toBeUndefined()
    }
    expect(named(slice(), target)).toBeUndefined()
    expect(named(whole, target, now + 330)).toBeUndefined()
  })

  test('until the last of its grants ends, to the second', () => {
    const grants = [grantRow('a', 'reader', { expiresAt: now + 10 }), grantRow('b', 'reader', { expiresAt: now + 20 })]
    const ending = slice(clientRow(), ...grants)
    expect([now + 9, now + 10, now + 19, now + 20].map(at => named(ending, '/open', at))).toEqual([
      ...[proved.clientId, proved.clientId, proved.clientId],
      undefined,
    ])
    const endless = slice(clientRow(), ...grants, grantRow('c', 'unheard-of'))
    expect(named(endless, '/open', now + 20)).toBe(proved.clientId)
  })

  test('also where its key may do nothing here: that is no fault of who it is', () => {
    expect(
      named(slice(clientRow({ keys: [keyRow(mainKey, { roles: [] })] }), grantRow('g', 'reader')), '/orders'),
    ).toBe(proved.clientId)
  })
})

describe('what an app is told is made from a decision', () => {
  test('and there is no other way: what is not checked for this request does not compile', () => {
    const out: string[] = []
    const decision: Decision = { allow: true, reason: 'public' }
    // @ts-expect-error an identity that was proved once is no decision
    const told = () => pushIdentity(out, proved)
    // @ts-expect-error nor can it be put into one
    const forged: Decision = { ...decision, identity: proved }
    // @ts-expect-error nor be taken for one that was checked
    const checked: CheckedIdentity = proved
    pushIdentity(out, decision)
    expect([out, typeof told, keepsToken(decision, 'Jwt')]).toEqual([[], 'function', false])
    expect((forged.identity as Identity | undefined) === checked).toBe(true)
  })

  test('one place only makes a checked identity', () => {
    const below = (folder: string): string[] =>
      readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.ts') && !name.includes('node_modules'))
        .map(name => join(folder, name))
    const makers = ['core', 'webhook', 'cli', 'issuer', 'operator', 'platform', 'sdk']
      .flatMap(below)
      .filter(path => /\bas CheckedIdentity\b/.test(readFileSync(join(repositoryRoot, path), 'utf8')))
    expect(makers).toEqual([join('core', 'policy', 'checked-identity.ts')])
  })
})
