import { describe, expect, test } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import {
  desiredSecret,
  isOwnedBy,
  keyNumberOf,
  type SecretObject,
  secretFile,
  secretFiles,
  secretNameOf,
  secretSlots,
} from '../../../../core/keys/secret-data.ts'
import { accessKeyOf } from './access-key-store.ts'

const secretOf = (metadata: Partial<SecretObject['metadata']>, rest: Partial<SecretObject> = {}): SecretObject => ({
  type: 'servicebinding.io/latchkey',
  metadata: { name: 'web', namespace: 'shop', ...metadata },
  ...rest,
})
const owner = (uid: string, controller: boolean) => ({ apiVersion: 'v1', kind: 'K', name: 'n', uid, controller })

describe('the files of a Secret', () => {
  const material = { kid: 'the-kid', privateJwk: { kty: 'OKP', d: 'D', kid: 'other' }, privatePem: 'PEM' }
  const surroundings = { clientId: 'sc_a', clientIssuer: 'https://i/sc_a', issuer: 'https://i', ca: 'CA' }

  test.each([
    ['Ed25519', 'EdDSA'],
    ['ES256', 'ES256'],
    ['RS256', 'RS256'],
  ] as const)('say all that a program needs, with a key of %s as libraries name it: %s', (algorithm, alg) => {
    const data = secretFiles(material, { algorithm }, surroundings)
    const texts = Object.keys(data).map(name => [name, secretFile(secretOf({}, { data }), name)])
    const { 'private.jwk': jwk, ...files } = Object.fromEntries(texts)
    expect(files).toEqual({
      type: 'latchkey',
      provider: 'latchkey',
      'client-id': 'sc_a',
      'key-id': 'the-kid',
      'private.pem': 'PEM',
      issuer: 'https://i',
      'ca.crt': 'CA',
    })
    expect(JSON.parse(jwk)).toEqual({
      kty: 'OKP',
      d: 'D',
      kid: 'the-kid',
      alg,
      client_id: 'sc_a',
      issuer: 'https://i/sc_a',
    })
  })

  test('are base64, and one that is not there has no text', () => {
    const secret = secretOf({}, { data: { a: Buffer.from('ü').toString('base64') } })
    expect([secretFile(secret, 'a'), secretFile(secret, 'b'), secretFile(secretOf({}), 'a')]).toEqual([
      'ü',
      undefined,
      undefined,
    ])
  })
})

test('an AccessKey has a Secret of its own name, unless it gives another, and one beside it for the next key', () => {
  expect(secretSlots).toEqual(['mounted', 'staged'])
  expect(secretNameOf(accessKeyOf({ secretName: 'other' }), 'staged')).toBe('other-next')
  expect(secretNameOf(accessKeyOf())).toBe('web')
  expect(secretNameOf(accessKeyOf({ secretName: 'other' }), 'mounted')).toBe('other')
})

test.each([
  ['0', 0],
  ['1800000000', 1_800_000_000],
  ['32503680000', 32_503_680_000],
  ['32503680001', undefined],
  ['999999999999', undefined],
  ['', undefined],
  ['-1', undefined],
  ['1.5', undefined],
  ['1x', undefined],
  ['x1', undefined],
])('the key number %j of an annotation is %s', (text, number) => {
  expect(keyNumberOf(secretOf({ annotations: { 'latchkey.dev/key-number': text } }))).toBe(number)
})

test('a Secret without annotations, or without that one, has no key number', () => {
  expect([keyNumberOf(secretOf({})), keyNumberOf(secretOf({ annotations: { a: '1' } }))]).toEqual([
    undefined,
    undefined,
  ])
})

describe('a Secret is of an AccessKey', () => {
  const annotated = (uid: string) => ({ annotations: { 'latchkey.dev/owner-uid': uid } })
  test.each<[string, SecretObject, boolean]>([
    ['when our annotation says so', secretOf(annotated('key-uid')), true],
    ['when its controller is it', secretOf({ ownerReferences: [owner('key-uid', true)] }), true],
    [
      'when its controller is it, whatever the annotation says',
      secretOf({ ...annotated('other'), ownerReferences: [owner('a', false), owner('key-uid', true)] }),
      true,
    ],
    [
      'not when another controls it, whatever the annotation says',
      secretOf({ ...annotated('key-uid'), ownerReferences: [owner('other', true)] }),
      false,
    ],
    [
      'when others own it that do not control it',
      secretOf({ ...annotated('key-uid'), ownerReferences: [owner('a', false)] }),
      true,
    ],
    ['not when it only owns it', secretOf({ ownerReferences: [owner('key-uid', false)] }), false],
    ['not when the annotation names another', secretOf(annotated('other')), false],
    ['not when nothing says so', secretOf({}), false],
    ['not when it is of another type', secretOf(annotated('key-uid'), { type: 'Opaque' }), false],
  ])('%s', (_, secret, expected) => {
    expect(isOwnedBy(secret, accessKeyOf())).toBe(expected)
  })

  test('never, when the AccessKey has no uid: nothing is of what does not exist yet', () => {
    const { uid: _, ...metadata } = accessKeyOf().metadata
    expect(isOwnedBy(secretOf({}), { ...accessKeyOf(), metadata } as AccessKey)).toBe(false)
  })
})

describe('the Secret as it should be', () => {
  const content = { slot: 'mounted', files: { 'key-id': 'eA==' }, keyNumber: 7 } as const
  const ours = {
    apiVersion: 'latchkey.dev/v1alpha1',
    kind: 'AccessKey',
    name: 'web',
    uid: 'key-uid',
    controller: true,
    blockOwnerDeletion: false,
  }
  const annotations = {
    'latchkey.dev/owner-uid': 'key-uid',
    'latchkey.dev/access-key': 'web',
    'latchkey.dev/access-key-namespace': 'shop',
    'latchkey.dev/key-number': '7',
  }
  const labels = { 'app.kubernetes.io/managed-by': 'latchkey' }

  test('where there is none yet', () => {
    expect(desiredSecret(accessKeyOf(), content)).toStrictEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'servicebinding.io/latchkey',
      metadata: { name: 'web', namespace: 'shop', labels, annotations, ownerReferences: [ours] },
      data: { 'key-id': 'eA==' },
    })
  })

  test('in the place of one: that very one, with what others put there, and ours where both speak', () => {
    const previous = secretOf(
      {
        uid: 'secret-uid',
        resourceVersion: '9',
        labels: { theirs: 'x', team: 'old', 'app.kubernetes.io/managed-by': 'them' },
        annotations: { theirs: 'y', note: 'old', 'latchkey.dev/key-number': '1' },
        ownerReferences: [owner('theirs', false), { ...ours, name: 'was' }],
      },
      { data: { gone: 'eA==' } },
    )
    const secretTemplate = { labels: { team: 'a' }, annotations: { note: 'b', 'latchkey.dev/owner-uid': 'theirs' } }
    const { metadata, data } = desiredSecret(accessKeyOf({ secretTemplate }), content, previous)
    expect(metadata).toStrictEqual({
      name: 'web',
      namespace: 'shop',
      uid: 'secret-uid',
      resourceVersion: '9',
      labels: { theirs: 'x', team: 'a', ...labels },
      annotations: {
        theirs: 'y',
        note: 'b',
        ...annotations,
        'latchkey.dev/secret-template': '{"labels":["team"],"annotations":["latchkey.dev/owner-uid","note"]}',
      },
      ownerReferences: [owner('theirs', false), ours],
    })
    expect(data).toEqual(content.files)
  })

  test('without a key has no key number of its own', () => {
    const { metadata } = desiredSecret(accessKeyOf(), { slot: 'mounted', files: {} })
    expect(metadata.annotations).not.toHaveProperty(['latchkey.dev/key-number'])
  })

  test('with deletionPolicy Orphan is not ours to be collected: only owners of others stay', () => {
    const orphan = accessKeyOf({ deletionPolicy: 'Orphan' })
    expect(desiredSecret(orphan, content).metadata).not.toHaveProperty('ownerReferences')
    const owned = secretOf({ ownerReferences: [owner('theirs', false), ours] })
    expect(desiredSecret(orphan, content, owned).metadata.ownerReferences).toEqual([owner('theirs', false)])
    const deleted = accessKeyOf({ deletionPolicy: 'Delete' })
    expect(desiredSecret(deleted, content).metadata.ownerReferences).toEqual([ours])
  })
})
