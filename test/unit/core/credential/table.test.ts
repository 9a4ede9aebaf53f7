import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { credentialKinds } from '../../../../core/base/credential-kinds.ts'
import { parseCompact } from '../../../../core/credential/compact.ts'
import { credentialHeaders } from '../../../../core/credential/read.ts'
import { credentialExplanations, credentialTable } from '../../../../core/credential/table.ts'
import { verifyCredential, verifyToken } from '../../../../core/credential/verify.ts'
import type { Decision } from '../../../../core/policy/decision.ts'
import { keepsToken } from '../../../../enforce/forward-head.ts'
import { fieldName } from '../../../../platform/wire/fields/field-name.ts'
import {
  clientRow,
  clientToken,
  clusterIssuer,
  clusterRow,
  es256Key,
  headerOf,
  issuer,
  now,
  serviceRow,
  signToken,
  snapshotOf,
} from '../fixture.ts'

const known = snapshotOf([serviceRow(), clientRow(), clusterRow(es256Key)])
const withoutCluster = snapshotOf([serviceRow(), clientRow()])
const issuerOfCluster = snapshotOf([serviceRow(), clientRow({ issuer: clusterIssuer }), clusterRow(es256Key)])

describe('the table of credentials', () => {
  test('no two kinds of one place take the same text for theirs', () => {
    const issuers = fc.constantFrom(issuer, clusterIssuer, 'https://elsewhere', '', 1, undefined)
    const text = fc.oneof(
      fc.tuple(issuers, fc.anything()).map(([iss, sub]) => signToken(headerOf(), { iss, sub: fc.stringify(sub) })),
      fc.string(),
    )
    fc.assert(
      fc.property(text, fc.constantFrom(known, withoutCluster, issuerOfCluster), (given, snapshot) => {
        const presented = { text: given, token: parseCompact(given), asked: undefined }
        const takers = credentialKinds.filter(kind => credentialTable[kind].isOf(presented, snapshot))
        expect(takers.length).toBeLessThanOrEqual(1)
        if (takers.length === 0) expect(verifyToken(given, snapshot, now)).toBe('invalid_token')
      }),
    )
  })

  test('what throws in a kind is a refusal', () => {
    const broken = {
      ...credentialTable.ClientToken,
      isOf: () => true,
      prove: () => {
        throw new Error('a bug')
      },
    }
    const place = { kinds: [broken], prefix: '', bindsRequest: false }
    const asked = { method: 'GET', target: '/', authorization: undefined, names: [], values: [] }
    expect(verifyCredential({ text: clientToken(), place }, asked, known, now)).toBe('invalid_token')
  })

  test('a kind is shown the request, which it may bind', () => {
    const asked = { method: 'PUT', target: '/orders/1', authorization: undefined, names: [], values: [] }
    const seen: unknown[] = []
    const binding = {
      ...credentialTable.ClientToken,
      isOf: () => true,
      prove: (presented: object) => {
        seen.push(presented)
        return 'invalid_token' as const
      },
    }
    verifyCredential({ text: 'mac', place: { kinds: [binding], prefix: '', bindsRequest: true } }, asked, known, now)
    expect(seen).toEqual([{ text: 'mac', token: undefined, asked }])
  })

  test('every header that may hold a credential is taken off', () => {
    expect([...credentialHeaders]).toContain('authorization')
    for (const name of credentialHeaders) expect(fieldName(name)).toMatchObject({ holdsCredential: true })
    expect(fieldName('accept')).toMatchObject({ holdsCredential: false })
  })

  test.each(credentialKinds)('the app is given %s only where the service says so, and a secret never', kind => {
    const decision = { allow: true, reason: 'granted', identity: { credential: kind } } as unknown as Decision
    expect(keepsToken(decision, 'Jwt')).toBe(credentialTable[kind].isSigned)
    expect(keepsToken(decision, 'Never')).toBe(false)
  })

  test.each(credentialKinds)('people are told of the kind %s in words of its own', kind => {
    expect(credentialExplanations[kind].words).toMatch(/^[a-z]+( [a-z]+)*$/)
    const others = credentialKinds.filter(
      other => credentialExplanations[other].words === credentialExplanations[kind].words,
    )
    expect(others).toEqual([kind])
  })
})
