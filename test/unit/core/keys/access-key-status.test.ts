import { describe, expect, test } from 'vitest'
import type { AccessKey, AccessKeyStatus, PublishedKey } from '../../../../core/api/access-key.ts'
import type { KeyFault } from '../../../../core/keys/accept-access-key.ts'
import { composeKeyStatus } from '../../../../core/keys/access-key-status.ts'
import { accessKeyOf, clientOf, start } from './access-key-store.ts'
import { at, keyOf, publicKey } from './observed.ts'

const active = [keyOf('Active')]
const fault: KeyFault = { reason: 'Invalid', message: 'spec.x is wrong.', keys: 'withdrawn' }

type Outcome = Parameters<typeof composeKeyStatus>[0]

/** A minted key in use, but for what the test says. */
const outcomeOf = (changes: Partial<Outcome>): Outcome => ({
  accessKey: accessKeyOf(),
  client: clientOf(),
  fault: undefined,
  missingRoles: [],
  keys: active,
  keyId: 'held',
  secretState: 'good',
  enforced: { state: 'enforced' },
  now: start,
  ...changes,
})
const statusOf = (changes: Partial<Outcome> = {}) => composeKeyStatus(outcomeOf(changes))
const conditionOf = (status: AccessKeyStatus, type: string) => status.conditions?.find(one => one.type === type)
const lookOf = (status: AccessKeyStatus, type: string) => {
  const found = conditionOf(status, type)
  return found && { status: found.status, reason: found.reason, message: found.message }
}
const says = (status: 'True' | 'False', reason: string, message: string) => ({ status, reason, message })

test('a key in use says who it is of, where it is, and when it ends', () => {
  const end = at(31 * 86_400)
  const keys = [keyOf('Active', { notAfter: end }), keyOf('Revoked', { kid: 'old', notAfter: at(9) })]
  const condition = { status: 'True', observedGeneration: 1, lastTransitionTime: at(0) }
  expect(statusOf({ keys })).toStrictEqual({
    observedGeneration: 1,
    conditions: [
      { ...condition, type: 'Accepted', reason: 'Accepted', message: 'The key is understood.' },
      { ...condition, type: 'Ready', reason: 'Ready', message: 'The key is published.' },
      { ...condition, type: 'Enforced', reason: 'Enforced', message: 'Every guard concerned holds it.' },
    ],
    state: 'Active',
    clientId: clientOf().clientId,
    keyId: 'held',
    keys,
    secretName: 'web',
    expiresAt: end,
    binding: { name: 'web' },
  })
})

test('a key that is not there yet says no more than is known', () => {
  const { generation: _, ...metadata } = accessKeyOf().metadata
  const accessKey = { ...accessKeyOf({ publicKey }), metadata }
  const { conditions, ...status } = statusOf({ accessKey, client: undefined, keys: [], secretState: 'none' })
  expect(status).toStrictEqual({ state: 'Pending' })
  expect(conditions?.map(one => 'observedGeneration' in one)).toEqual([false, false, false])
})

test('the client id stays where the client is gone', () => {
  expect(statusOf({ accessKey: accessKeyOf({}, { clientId: 'sc_was' }), client: undefined }).clientId).toBe('sc_was')
})

describe('the Secret is offered for binding', () => {
  const before = accessKeyOf({}, { binding: { name: 'web' } })
  test.each<[string, Partial<Outcome>, boolean]>([
    ['once it is good', {}, true],
    ['not before it is there', { secretState: 'missing' }, false],
    ['under the name that it has', { accessKey: accessKeyOf({ secretName: 'other' }) }, true],
    ['still, while an earlier one is collected', { accessKey: before, secretState: 'leaving' }, true],
    ['still, while another key is minted into it', { accessKey: before, secretState: 'missing' }, true],
    ['not any more, when it is somebody else’s', { accessKey: before, secretState: 'foreign' }, false],
    ['never, for a key that was brought', { accessKey: accessKeyOf({ publicKey }), secretState: 'none' }, false],
    ['never, whatever was said', { accessKey: accessKeyOf({ publicKey }, { binding: { name: 'web' } }) }, false],
  ])('%s', (_, changes, expected) => {
    const { spec } = changes.accessKey ?? accessKeyOf()
    const name = spec.secretName ?? 'web'
    expect(statusOf(changes).binding).toEqual(expected ? { name } : undefined)
  })
})

describe('the state', () => {
  const suspended = clientOf({ suspended: true }, { suspended: true })
  const ended = accessKeyOf({ expiresAt: at(0) })
  test.each<[string, Partial<Outcome>, AccessKeyStatus['state']]>([
    ['is Active with a key in use', {}, 'Active'],
    ['is Suspended where the client is', { client: suspended }, 'Suspended'],
    ['is Active where the client is gone', { client: undefined }, 'Active'],
    ['is Revoked by the spec, whatever is wrong', { accessKey: accessKeyOf({ revoked: {} }), fault }, 'Revoked'],
    ['is Refused where something is wrong', { fault }, 'Refused'],
    ['is that of a key that has ended', { keys: [keyOf('Expired')], client: suspended }, 'Expired'],
    ['is that of a key that was revoked', { keys: [keyOf('Revoked')], client: suspended }, 'Revoked'],
    ['is Pending while the key retires', { keys: [keyOf('Retiring')] }, 'Pending'],
    ['is Pending while there is no key', { keys: [] }, 'Pending'],
    ['is Pending while the key in use is another', { keyId: 'other' }, 'Pending'],
    ['is Expired at the end that the spec gives', { accessKey: ended, keys: [] }, 'Expired'],
    ['and not before', { accessKey: accessKeyOf({ expiresAt: at(1) }), keys: [] }, 'Pending'],
  ])('%s', (_, changes, state) => {
    expect(statusOf(changes).state).toBe(state)
  })
})

describe('Accepted', () => {
  const roles = ['reader', 'writer', 'auditor'].map(name => ({ namespace: 'shop', name }))
  test.each<[string, Partial<Outcome>, ReturnType<typeof says>]>([
    ['is True where nothing is wrong', {}, says('True', 'Accepted', 'The key is understood.')],
    [
      'is False with what is wrong, before roles that are missing',
      { fault, missingRoles: ['shop/reader'] },
      says('False', 'Invalid', 'spec.x is wrong.'),
    ],
    [
      'names the roles that are missing: others count',
      { accessKey: accessKeyOf({ roles }), missingRoles: ['shop/reader', 'shop/writer'] },
      says(
        'False',
        'RoleNotFound',
        'There is no roles.latchkey.dev shop/reader, shop/writer; the others of spec.roles count. Create it or correct the name.',
      ),
    ],
    [
      'says that a key opens nothing whose only role is missing',
      { accessKey: accessKeyOf({ roles: roles.slice(0, 1) }), missingRoles: ['shop/reader'] },
      says(
        'False',
        'RoleNotFound',
        'There is no roles.latchkey.dev shop/reader; the key opens nothing, for spec.roles names no other role. Create it or correct the name.',
      ),
    ],
  ])('%s', (_, changes, expected) => {
    expect(lookOf(statusOf(changes), 'Accepted')).toEqual(expected)
  })
})

describe('Ready', () => {
  const revoked = accessKeyOf({ revoked: {} })
  const ended = accessKeyOf({ expiresAt: at(0) })
  const suspended = clientOf({ suspended: true }, { suspended: true })
  const missingRoles = ['shop/reader']
  const pending = says('False', 'Pending', 'A key is being minted into the Secret web.')
  const hasEnded = says('True', 'Expired', 'The key has ended.')
  const isRevoked = says('True', 'Revoked', 'The key is revoked.')
  test.each<[string, Partial<Outcome>, ReturnType<typeof says>]>([
    ['is True with a key in use', {}, says('True', 'Ready', 'The key is published.')],
    [
      'is True with a key in use, whatever became of others',
      { keys: [keyOf('Expired', { kid: 'other' }), ...active] },
      says('True', 'Ready', 'The key is published.'),
    ],
    [
      'is True with a key that was brought',
      { accessKey: accessKeyOf({ publicKey }), secretState: 'none' },
      says('True', 'Ready', 'The key is published.'),
    ],
    [
      'is what Accepted says, where something is wrong',
      { fault, secretState: 'foreign' },
      says('False', 'Invalid', 'spec.x is wrong.'),
    ],
    ['waits for the first key', { keys: [], secretState: 'missing' }, pending],
    ['waits for another key', { secretState: 'missing' }, pending],
    ['waits for no key that would have ended', { accessKey: ended, keys: [], secretState: 'missing' }, hasEnded],
    ['tells that the key has ended', { keys: [keyOf('Expired')] }, hasEnded],
    [
      'tells that a brought key was revoked, and what to do',
      { keys: [keyOf('Revoked')], secretState: 'none' },
      says('True', 'Revoked', 'The key is revoked. Put another one into spec.publicKey.'),
    ],
    ['waits for the key that comes after a revoked one', { keys: [keyOf('Revoked')], secretState: 'missing' }, pending],
    [
      'tells that the AccessKey is revoked, whatever is wrong',
      { accessKey: revoked, fault, secretState: 'none' },
      isRevoked,
    ],
    [
      'waits until the Secret of a revoked key is empty',
      { accessKey: revoked, secretState: 'missing' },
      says('False', 'Pending', 'The key is revoked; the Secret is being emptied.'),
    ],
    [
      'tells that the client is suspended, before roles that are missing',
      { client: suspended, missingRoles },
      says('True', 'ClientSuspended', 'The client is suspended: no guard takes the key.'),
    ],
  ])('%s', (_, changes, expected) => {
    expect(lookOf(statusOf(changes), 'Ready')).toEqual(expected)
    expect(conditionOf(statusOf(changes), 'Stalled')).toBeUndefined()
  })

  test('a role that is missing holds nothing up', () => {
    const status = statusOf({ missingRoles })
    expect(lookOf(status, 'Ready')).toEqual({ ...lookOf(status, 'Accepted'), status: 'True' })
  })

  test.each<[string, Partial<Outcome>, string, string]>([
    [
      'foreign',
      { secretState: 'foreign' },
      'SecretConflict',
      'The Secret web exists and is not of this AccessKey. Delete it if nobody needs it, or use another secretName in a new AccessKey.',
    ],
    [
      'forbidden',
      { secretState: 'forbidden' },
      'SecretForbidden',
      'The operator may not write Secrets in namespace shop. Add the namespace to the chart value secrets.namespaceList.',
    ],
    [
      'refused',
      { secretState: 'refused' },
      'SecretRefused',
      'The API server refuses to write the Secret web. Look at the quotas and admission policies of namespace shop, and whether it is being deleted.',
    ],
    [
      'refused to a key that is revoked',
      { accessKey: revoked, secretState: 'refused' },
      'SecretRefused',
      'The API server refuses to write the Secret web. Look at the quotas and admission policies of namespace shop, and whether it is being deleted.',
    ],
  ])('is False, and a person is asked for, where the Secret is %s', (_, changes, reason, message) => {
    const status = statusOf(changes)
    expect(lookOf(status, 'Ready')).toEqual(says('False', reason, message))
    expect(lookOf(status, 'Stalled')).toEqual(says('True', reason, message))
  })
})

describe('Enforced', () => {
  const waiting = { enforced: { state: 'waiting', message: 'One guard waits.' } } as const
  /** As it was written when every guard held the key. */
  const held = (keys: readonly PublishedKey[], keyId = 'held'): AccessKey =>
    accessKeyOf({}, composeKeyStatus(outcomeOf({ keys, keyId })))
  const other = keyOf('Retiring', { kid: 'other', notAfter: at(9) })

  test.each<[string, Partial<Outcome>, 'True' | 'False']>([
    ['waits for guards while nothing was said yet', {}, 'False'],
    ['stays True with the key that it was said of', { accessKey: held(active) }, 'True'],
    ['whatever becomes of another', { accessKey: held([other, ...active]), keys: active }, 'True'],
    ['is asked anew for another key', { accessKey: held([keyOf('Active', { kid: 'was' })], 'was') }, 'False'],
    [
      'and for one that was published beside it',
      { accessKey: held([keyOf('Active', { kid: 'was' }), ...active], 'was') },
      'False',
    ],
    ['is asked anew for the same key in another state', { accessKey: held(active), keys: [keyOf('Expired')] }, 'False'],
    ['and for one that is published no more', { accessKey: held(active), keys: [] }, 'False'],
  ])('%s', (_, changes, status) => {
    expect(conditionOf(statusOf({ ...waiting, ...changes }), 'Enforced')?.status).toBe(status)
  })
})
