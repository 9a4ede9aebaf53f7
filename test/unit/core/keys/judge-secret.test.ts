import { describe, expect, test } from 'vitest'
import type { AccessKey, PublishedKey } from '../../../../core/api/access-key.ts'
import {
  judgeSecret,
  type ProvedKey,
  type SecretVerdict,
  type SpoiltCause,
} from '../../../../core/keys/judge-secret.ts'
import { desiredSecret, type SecretObject } from '../../../../core/keys/secret-data.ts'
import { accessKeyOf, clientOf, start } from './access-key-store.ts'
import { at, held, keyOf } from './observed.ts'

const { clientId } = clientOf()
const base64 = (text: string) => Buffer.from(text).toString('base64')
const published = (kid: string, state: PublishedKey['state'], age = 0): PublishedKey =>
  keyOf(state, { kid, notBefore: at(-age) })

interface Found {
  readonly accessKey?: AccessKey
  readonly key?: Partial<ProvedKey> | 'none'
  readonly number?: number | 'none'
  readonly ledger?: readonly PublishedKey[]
  /** What somebody did to it since. */
  readonly change?: (secret: SecretObject) => SecretObject
}

/** A Secret that this very AccessKey owns, or an AccessKey of the same name that is gone. */
function judged(owner: 'ours' | 'gone', { accessKey = accessKeyOf(), key = {}, number = start, ...rest }: Found) {
  const { ledger = [], change = secret => secret } = rest
  const maker: AccessKey = {
    ...accessKeyOf(owner === 'gone' ? { deletionPolicy: 'Orphan' } : {}),
    metadata: { ...accessKeyOf().metadata, ...(owner === 'gone' && { uid: 'uid-of-before' }) },
  }
  const files = { 'client-id': base64(clientId) }
  const keyNumber = number === 'none' ? {} : { keyNumber: number }
  const object = change(desiredSecret(maker, { slot: 'mounted', files, ...keyNumber }))
  const secret = { object, ...(key !== 'none' && { key: { ...held, ...key } }) }
  return judgeSecret(secret, accessKey, clientOf(), ledger)
}

const good: SecretVerdict = { is: 'good', key: held, number: start }
const spoilt = (cause: SpoiltCause): SecretVerdict => ({ is: 'spoilt', cause })

describe('a Secret of ours', () => {
  test.each<[string, Found, SecretVerdict]>([
    ['is good with a key that nobody knows yet', {}, good],
    ['is good with the key in use', { ledger: [published('held', 'Active')] }, good],
    ['is good with a key that has ended', { ledger: [published('held', 'Expired')] }, good],
    [
      'is good without its number, where the key is published',
      { number: 'none', ledger: [published('held', 'Active', 5)] },
      { ...good, number: start - 5 },
    ],
    [
      'holds a key to be published with its number, not with that of the status',
      { ledger: [published('held', 'Active', 5)] },
      good,
    ],
    ['is edited where its parts fit no key', { key: 'none' }, spoilt('edited')],
    ['is edited where nothing tells how old its key is', { number: 'none' }, spoilt('edited')],
    [
      'is edited where nothing tells it of this key',
      { number: 'none', ledger: [published('other', 'Active')] },
      spoilt('edited'),
    ],
    ['is of another client, where the key says so', { key: { clientId: 'sc_other' } }, spoilt('client')],
    [
      'is revoked, where it is older than the spec allows',
      { accessKey: accessKeyOf({ keysNotBefore: at(1) }) },
      spoilt('revoked'),
    ],
    ['is good, where it is as old as the spec allows', { accessKey: accessKeyOf({ keysNotBefore: at(0) }) }, good],
    [
      'is revoked, where its key is',
      { ledger: [published('other', 'Active'), published('held', 'Revoked')] },
      spoilt('revoked'),
    ],
    ['is stale, where its key retires', { ledger: [published('held', 'Retiring')] }, spoilt('stale')],
    [
      'is stale, where any key that is published is younger',
      { ledger: [published('older', 'Active', 9), published('other', 'Active', -1)] },
      spoilt('stale'),
    ],
    ['is good, where none is younger', { ledger: [published('other', 'Active')] }, good],
    [
      'is good with the key in use, whatever is younger',
      { ledger: [published('held', 'Active'), published('other', 'Retiring', -1)] },
      good,
    ],
  ])('%s', (_, found, verdict) => {
    expect(judged('ours', found)).toEqual(verdict)
  })
})

describe('a Secret that an AccessKey of this name left', () => {
  const orphan: SecretVerdict = { is: 'orphan', key: held, number: start }
  const foreign: SecretVerdict = { is: 'foreign' }
  const left = spoilt('left')
  const metadata =
    (changes: (of: SecretObject['metadata']) => Partial<SecretObject['metadata']>) =>
    (secret: SecretObject): SecretObject => ({
      ...secret,
      metadata: { ...secret.metadata, ...changes(secret.metadata) },
    })
  const without = (name: string) =>
    metadata(({ annotations = {} }) => {
      const { [name]: _, ...rest } = annotations
      return { annotations: rest }
    })
  const pod = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'p' }

  const owned = (changes: object): Found => ({
    change: metadata(() => ({
      ownerReferences: [
        {
          apiVersion: 'latchkey.dev/v1alpha1',
          kind: 'AccessKey',
          name: 'web',
          uid: 'uid-of-before',
          controller: true,
          ...changes,
        },
      ],
    })),
  })
  test.each<[string, Found, SecretVerdict]>([
    ['is leaving, where that AccessKey owned it: the garbage collector takes it', owned({}), { is: 'leaving' }],
    ['is leaving, whatever its key is', { ...owned({}), key: 'none' }, { is: 'leaving' }],
    ['is foreign, where an AccessKey of another name owns it', owned({ name: 'other' }), foreign],
    ['is foreign, where something else of this name owns it', owned({ kind: 'ApiClient' }), foreign],
    ['is foreign, where an AccessKey of others owns it', owned({ apiVersion: 'latchkey.dev.example/v1' }), foreign],
    ['is foreign, where that AccessKey is not its controller', owned({ controller: false }), foreign],
    ['is taken over', {}, orphan],
    [
      'is taken over, where its key is the one that is published',
      { ledger: [published('other', 'Revoked', 9), published('held', 'Active')] },
      orphan,
    ],
    ['is to hold a new key, where another one is published', { ledger: [published('other', 'Active', 9)] }, left],
    ['is to hold a new key, where its parts fit none', { key: 'none' }, left],
    ['is to hold a new key, where nothing tells how old its own is', { number: 'none' }, left],
    ['is to hold a new key, where its own is of another client', { key: { clientId: 'sc_other' } }, left],
    [
      'is to hold a new key, where its own is older than the spec allows',
      { accessKey: accessKeyOf({ keysNotBefore: at(1) }) },
      left,
    ],
    ['is to hold a new key, where its own is revoked', { ledger: [published('held', 'Revoked')] }, left],
    [
      'is to hold a new key, where its file names another client',
      { change: secret => ({ ...secret, data: { 'client-id': base64('sc_other') } }) },
      left,
    ],
    ['is to hold a new key, where it was emptied', { change: secret => ({ ...secret, data: {} }), key: 'none' }, left],
    ['is taken over, where 0.1.0 wrote it', { change: without('latchkey.dev/access-key-namespace') }, orphan],
    [
      'is foreign, where 0.1.0 wrote it and its file names another client: it may be a copy from elsewhere',
      {
        change: secret =>
          without('latchkey.dev/access-key-namespace')({ ...secret, data: { 'client-id': base64('sc_other') } }),
      },
      foreign,
    ],
    [
      'is foreign, where it was copied from another namespace',
      {
        change: metadata(({ annotations }) => ({
          annotations: { ...annotations, 'latchkey.dev/access-key-namespace': 'victim' },
        })),
      },
      foreign,
    ],
    ['is foreign, where it is of another type', { change: secret => ({ ...secret, type: 'Opaque' }) }, foreign],
    ['is foreign, where somebody owns it', { change: metadata(() => ({ ownerReferences: [pod] })) }, foreign],
    ['is foreign, where it does not say who made it', { change: without('latchkey.dev/owner-uid') }, foreign],
    [
      'is foreign, where an AccessKey of another name made it',
      {
        change: metadata(({ annotations }) => ({
          annotations: { ...annotations, 'latchkey.dev/access-key': 'other' },
        })),
      },
      foreign,
    ],
    [
      'is foreign, where it has no annotations',
      { change: metadata(() => ({ annotations: undefined as never })), ledger: [published('held', 'Active')] },
      foreign,
    ],
  ])('%s', (_, found, verdict) => {
    expect(judged('gone', found)).toEqual(verdict)
  })
})
