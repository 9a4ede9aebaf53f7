import { describe, expect, test } from 'vitest'
import { reasons } from '../../../../core/base/reasons.ts'
import { parseCompact } from '../../../../core/credential/compact.ts'
import { serviceAccountTokenExplanation as explanation } from '../../../../core/credential/service-account-token.ts'
import {
  audience,
  claims,
  clientId,
  clientRow,
  clusterIssuer,
  clusterRow,
  es256Key,
  now,
  serviceRow,
  signToken,
  snapshotOf,
} from '../fixture.ts'
import { account, bound, podClient, projectedToken } from './projected-token.ts'

const cluster = clusterRow(es256Key)
const usual = snapshotOf([serviceRow(), podClient, cluster])
const presented = (text: string) => ({ text, token: parseCompact(text), asked: undefined })
const noToken = presented('no token')

test('people call it a service account token, and are told that no manifest says whether it is good', () => {
  expect(explanation.words).toBe('service account token')
  expect(explanation.beyondManifests(presented(projectedToken()), usual)).toBe(
    'service account tokens need a cluster, whose keys and pods no manifest has',
  )
})

describe('a token looks like one of a service account', () => {
  test.each<[string, boolean, string]>([
    ['by all it says', true, projectedToken()],
    ['by its subject alone', true, projectedToken({ 'kubernetes.io': undefined })],
    ['by the claim kubernetes.io alone', true, projectedToken({ sub: undefined })],
    ['by that claim beside another subject', true, projectedToken({ sub: clientId })],
    ['not by another subject', false, signToken({}, claims())],
    ['not by a subject that only ends so', false, signToken({}, claims({ sub: 'x:system:serviceaccount:' }))],
    ['not by a subject that is a number', false, signToken({}, claims({ sub: 7 }))],
    ['not by a text that is no token', false, 'no token'],
  ])('%s', (_, expected, text) => {
    expect(explanation.looksLike(presented(text))).toBe(expected)
  })
})

describe('what is wrong with a service account token by itself', () => {
  const faults = (...given: Parameters<typeof projectedToken>) =>
    explanation.faultsOf(presented(projectedToken(...given))).map(({ code, found }) => `${code}: ${found}`)

  test('is nothing where it is good, and nothing is said of what is no token', () => {
    expect(faults()).toEqual([])
    expect(faults({}, { alg: 'RS256' })).toEqual([])
    expect(explanation.faultsOf(noToken)).toEqual([])
  })

  test('is told all at once, in the order in which a guard would tell', () => {
    const wrong = { sub: 'x', aud: clusterIssuer, iat: now + 0.5, exp: now + 90_000.5 }
    expect(faults(wrong, { alg: 'EdDSA', kid: '', typ: 'at+jwt' })).toEqual([
      'invalid_token: alg is "EdDSA"',
      'invalid_token: kid is ""',
      'typ_invalid: typ is "at+jwt"',
      'sub_invalid: sub is "x"',
      `wrong_audience: aud is ${clusterIssuer}: the token is for the Kubernetes API`,
      `iat_invalid: iat is ${now + 0.5}`,
      `exp_invalid: exp is ${now + 90_000.5}`,
      'lifetime_invalid: exp is 90000 s after iat',
    ])
  })

  test('is what it lacks, by name', () => {
    const nothing = { iss: undefined, sub: undefined, aud: undefined, iat: undefined, exp: undefined }
    expect(faults({ ...nothing, 'kubernetes.io': bound })).toEqual([
      'claim_missing: iss, sub, aud, iat, exp: not there',
      'sub_invalid: sub is not there',
    ])
    expect(faults({ 'kubernetes.io': { ...bound, pod: undefined } })).toEqual([
      'claim_missing: kubernetes.io names no pod or no service account',
    ])
    expect(faults({ aud: [audience, audience] })).toEqual([`aud_invalid: aud is ["${audience}","${audience}"]`])
  })

  test('comes with what to do', () => {
    const text = projectedToken({ aud: 'https://kubernetes.default.svc', exp: now + 90_000 }, { alg: 'HS256' })
    expect(explanation.faultsOf(presented(text)).map(({ hint }) => hint)).toEqual([
      'Sign with the algorithm of the key: RS256, ES256.',
      'Have Kubernetes project a token for the service: a volume with serviceAccountToken and the audience of the service.',
      reasons.lifetime_invalid.hint,
    ])
  })

  test.each<[string, boolean]>([
    ['https://kubernetes.default', true],
    ['https://kubernetes.default.svc', true],
    ['https://kubernetes.default.svc.cluster.local', true],
    ['https://kubernetes.default.svc.my-cluster.example', true],
    ['https://kubernetes.default.svc.', false],
    ['https://kubernetes.default.svc/', false],
    ['https://kubernetes.default.svcs', false],
    ['https://kubernetes.default.other', false],
    ['https://kubernetesxdefault.svc', false],
    ['see https://kubernetes.default.svc', false],
    ['http://kubernetes.default.svc', false],
    [audience, false],
  ])('the audience %s is the Kubernetes API: %s', (aud, isApi) => {
    const expected = isApi ? [`wrong_audience: aud is ${aud}: the token is for the Kubernetes API`] : []
    expect(faults({ aud, iss: 'https://cluster.example' })).toEqual(expected)
  })

  test('the audience of a cluster whose API has another name is its issuer', () => {
    const iss = 'https://cluster.example'
    expect(faults({ aud: [iss], iss })).toEqual([`wrong_audience: aud is ${iss}: the token is for the Kubernetes API`])
  })
})

describe('why a service account token proves nobody', () => {
  const second = clientRow({ clientId: 'sc_b', name: 'b', issuer: 'https://x/sc_b', serviceAccounts: [account] })
  const causes = (text: string, from = usual) =>
    explanation.causesOf(presented(text), from).filter(cause => cause !== undefined)

  test('is told of no token that a guard takes, and of no text that is none', () => {
    expect(causes(projectedToken())).toEqual([])
    expect(explanation.causesOf(noToken, usual)).toEqual([])
  })

  const elsewhere = { 'kubernetes.io': { ...bound, namespace: 'other' } }
  const noClient =
    'No client that this policy knows lists the service account other/invoices: see spec.serviceAccounts of its ApiClient, and whether it is granted anything here.'
  const otherIssuer = (iss: string) =>
    `iss is ${iss}; service account tokens of this cluster have ${clusterIssuer}: it is of another cluster.`
  const noKey = (kid: string) => `kid ${kid} is no key of this cluster's service account tokens.`
  test.each<[string, string, string[]]>([
    ['another cluster', projectedToken({ iss: 'https://other' }), [otherIssuer('https://other')]],
    ['no issuer', projectedToken({ iss: undefined }), [otherIssuer('not there')]],
    ['an unknown key', projectedToken({}, { kid: 'x' }), [noKey('x')]],
    ['no key', projectedToken({}, { kid: undefined }), [noKey('not there')]],
    [
      'another algorithm',
      projectedToken({}, { alg: 'RS256' }),
      ['alg is RS256, and the key of the cluster is ES256: write ES256, and sign so.'],
    ],
    [
      'another signature',
      `${projectedToken().slice(0, -86)}${'A'.repeat(86)}`,
      ['The signature is not of the cluster: another private key signed, or the token was changed afterwards.'],
    ],
    ['no client', projectedToken(elsewhere), [noClient]],
    ['no pod, which has a reason of its own', projectedToken({ 'kubernetes.io': { ...bound, pod: undefined } }), []],
    [
      'everything',
      projectedToken({ ...elsewhere, iss: 'https://other' }, { kid: 'x' }),
      [otherIssuer('https://other'), noKey('x'), noClient],
    ],
  ])('is told with %s', (_, text, expected) => {
    expect(causes(text)).toEqual(expected)
  })

  test('is told where two clients list the account', () => {
    expect(causes(projectedToken(), snapshotOf([serviceRow(), podClient, second, cluster]))).toEqual([
      'Several clients list the service account billing/invoices: billing/invoices, billing/b. It is taken for none of them.',
    ])
  })

  test('is told where the policy has no cluster, and nothing besides', () => {
    const withoutCluster = snapshotOf([serviceRow(), podClient])
    expect(causes(projectedToken(elsewhere), withoutCluster)).toEqual([
      'This policy has no keys of service account tokens.',
    ])
  })
})

describe('the service accounts of a client', () => {
  const idle = { name: 'idle', uid: 'idle-uid', pods: [] }
  const client = { ...podClient, serviceAccounts: [account, idle] }

  test('stand as they are: a suspended client’s count for nothing, nor does one that no pod runs as', () => {
    expect(explanation.standingsOf(client, now)).toStrictEqual([
      { key: 'serviceaccount:invoices' },
      { key: 'serviceaccount:idle', fault: 'no pod runs as it' },
    ])
    expect(explanation.standingsOf({ ...client, suspended: true }, now)).toStrictEqual([
      { key: 'serviceaccount:invoices', fault: 'client_suspended' },
      { key: 'serviceaccount:idle', fault: 'client_suspended' },
    ])
    expect(explanation.standingsOf(clientRow(), now)).toEqual([])
  })

  const use = { audience, cluster, now }
  test('a fresh token of one would prove the client in its first pod, for as long as it likes', () => {
    expect(explanation.freshIdentity(client, 'serviceaccount:invoices', use)).toStrictEqual({
      clientId,
      client: 'billing/invoices',
      key: 'serviceaccount:invoices',
      credential: 'ServiceAccountToken',
      subject: clientId,
      scopes: [],
      expiresAt: Number.MAX_SAFE_INTEGER,
      proof: {
        issuedAt: now,
        endsAt: Number.MAX_SAFE_INTEGER,
        audience,
        issuer: clusterIssuer,
        anchors: { uid: 'sa-uid', pod: 'pod-uid', kid: es256Key.kid },
      },
    })
  })

  test.each<[string, typeof client | ReturnType<typeof clientRow>, string, typeof cluster | undefined]>([
    ['a key of another kind', client, es256Key.kid, cluster],
    ['an account that no pod runs as', client, 'serviceaccount:idle', cluster],
    ['a client without accounts', clientRow(), 'serviceaccount:invoices', cluster],
    ['no cluster', client, 'serviceaccount:invoices', undefined],
    ['a cluster without keys', client, 'serviceaccount:invoices', { ...cluster, keys: [] }],
  ])('there is no fresh token of %s', (_, row, key, from) => {
    expect(explanation.freshIdentity(row, key, { ...use, cluster: from })).toBeUndefined()
  })
})
