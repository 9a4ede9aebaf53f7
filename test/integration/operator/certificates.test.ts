import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { rotationRequestedAt } from '../../../core/keys/rotation-request.ts'
import { createCertificates } from '../../../operator/certificates/certificates.ts'
import { createRequestReader } from '../../../operator/certificates/rotation-requests.ts'
import type { Config } from '../../../operator/config.ts'
import { type SecretOf, textsOf } from '../../../operator/owned-objects.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { mutatingWebhooks, secrets, validatingWebhooks } from '../../../platform/kube/resources.ts'
import { configOf, startTestCluster, type TestCluster, testLog } from './cluster.ts'

const day = 86_400_000
let cluster: TestCluster
beforeAll(async () => {
  cluster = await startTestCluster()
})
afterAll(() => cluster?.stop())

/** Certificates of a release of its own, under a clock that the test moves. */
function release(fullname: string, change: Partial<Config> = {}) {
  let now = Date.now()
  let reached = true
  const config = configOf({ fullname, tlsHosts: ['issuer.example.com', '10.1.2.3', 'FD00::0:1'], ...change })
  const clock = { wallMs: () => now }
  const make = () =>
    createCertificates({
      client: cluster.client,
      config,
      log: testLog(),
      onBundle: () => {},
      hasReached: async () => reached,
      clock,
      request: createRequestReader({ clock, log: testLog(), record: () => {} }),
    })
  const certificates = make()
  const files = async (name: string) =>
    textsOf(await cluster.client.get<SecretOf>(secrets, 'latchkey-system', `${fullname}-${name}`))
  return {
    certificates,
    make,
    files,
    reach: (everywhere: boolean) => {
      reached = everywhere
    },
    now: () => now,
    pass: (days: number) => {
      now += days * day
    },
    /** Passes until one of them rests. */
    async settle(of = certificates): Promise<number> {
      for (let passes = 1; passes < 20; passes++) {
        const requeue = await of.reconcileSecrets()
        if ((requeue?.requeueAfterMs ?? 0) > 0) return passes
      }
      throw new Error('does not settle')
    },
  }
}

const parts = (bundle: string | undefined) =>
  bundle?.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
const isSignedBy = (certificate: string | undefined, authority: string | undefined) =>
  new X509Certificate(certificate ?? '').verify(new X509Certificate(authority ?? '').publicKey)

test('makes an authority and two certificates with all names, once; two leaders at once make one authority', async () => {
  const one = release('first')
  const other = one.make()
  await Promise.all([one.settle(), one.settle(other)])
  await Promise.all([one.settle(), one.settle(other)])
  const authority = await one.files('ca')
  expect(other.bundle()).toBe(one.certificates.bundle())
  expect(authority['ca.crt']).toBe(authority['tls.crt'])
  for (const name of ['issuer-tls', 'webhook-tls']) {
    const serving = await one.files(name)
    expect(isSignedBy(serving['tls.crt'], authority['tls.crt'])).toBe(true)
    expect(serving['ca.crt']).toBe(authority['ca.crt'])
  }
  const { subjectAltName } = new X509Certificate((await one.files('issuer-tls'))['tls.crt'] ?? '')
  for (const host of ['first-issuer.latchkey-system.svc', 'issuer.example.com', '10.1.2.3', 'FD00:0:0:0:0:0:0:1']) {
    expect(subjectAltName).toContain(host)
  }
  expect(await one.settle()).toBe(1)
})

test('renews serving certificates at two thirds of their life, under the same authority (F19)', async () => {
  const one = release('serving')
  await one.settle()
  const before = await one.files('issuer-tls')
  one.pass(59)
  expect(await one.settle()).toBe(1)
  expect(await one.files('issuer-tls')).toEqual(before)
  one.pass(2)
  await one.settle()
  const after = await one.files('issuer-tls')
  expect(after['tls.crt']).not.toBe(before['tls.crt'])
  expect(after['ca.crt']).toBe(before['ca.crt'])
})

test('renews the authority at two thirds of its life: published first, used a day later, the old one kept for as long (F19)', async () => {
  const one = release('authority')
  await one.settle()
  const old = (await one.files('ca'))['tls.crt']
  one.pass((3_650 * 2) / 3 + 1)
  await one.settle()
  const staged = await one.files('ca')
  expect(staged['tls.crt']).toBe(old)
  expect(parts(staged['ca.crt'])).toEqual([old, staged['next.crt']])
  expect((await one.files('issuer-tls'))['ca.crt']).toBe(staged['ca.crt'])
  expect(isSignedBy((await one.files('issuer-tls'))['tls.crt'], old)).toBe(true)
  // A day has passed, but somebody lacks the next one.
  one.reach(false)
  one.pass(1.1)
  await one.settle()
  expect((await one.files('ca'))['tls.crt']).toBe(old)
  one.reach(true)
  await one.settle()
  const promoted = await one.files('ca')
  expect(promoted['tls.crt']).toBe(staged['next.crt'])
  expect(promoted['next.crt']).toBeUndefined()
  expect(new Set(parts(promoted['ca.crt']))).toEqual(new Set(parts(staged['ca.crt'])))
  for (const name of ['issuer-tls', 'webhook-tls']) {
    expect(isSignedBy((await one.files(name))['tls.crt'], promoted['tls.crt'])).toBe(true)
  }
  expect(one.certificates.bundle()).toBe(promoted['ca.crt'])
  // Nothing in use is signed by the old one; processes have a day to take their new certificates.
  one.pass(0.9)
  await one.settle()
  expect(parts((await one.files('ca'))['ca.crt'])).toHaveLength(2)
  one.pass(0.2)
  await one.settle()
  for (const name of ['ca', 'issuer-tls', 'webhook-tls']) {
    expect((await one.files(name))['ca.crt']).toBe(promoted['tls.crt'])
  }
})

test('a rotation is begun by an annotation: of the authority, or of one certificate (F19)', async () => {
  const one = release('request')
  await one.settle()
  const before = { ca: await one.files('ca'), issuer: await one.files('issuer-tls') }
  one.pass(1)
  const request = (name: string) =>
    cluster.client.patch(secrets, 'latchkey-system', `request-${name}`, {
      metadata: { annotations: { [rotationRequestedAt]: new Date(one.now()).toISOString() } },
    })
  await request('issuer-tls')
  one.pass(0.001)
  await one.settle()
  expect((await one.files('issuer-tls'))['tls.crt']).not.toBe(before.issuer['tls.crt'])
  expect((await one.files('ca'))['tls.crt']).toBe(before.ca['tls.crt'])
  await request('ca')
  one.pass(0.001)
  expect(await one.settle()).toBe(2)
  expect((await one.files('ca'))['next.crt']).toBeDefined()
  one.pass(1.1)
  await one.settle()
  const after = await one.files('ca')
  expect(after['tls.crt']).not.toBe(before.ca['tls.crt'])
  expect(after['next.crt']).toBeUndefined()
  one.pass(10)
  await one.settle()
  expect((await one.files('ca'))['tls.crt']).toBe(after['tls.crt'])
})

test('an authority that was lost is trusted until the new one is known everywhere, so that nobody is cut off (F19)', async () => {
  const one = release('lost')
  await one.settle()
  const old = (await one.files('ca'))['tls.crt']
  const serving = await one.files('issuer-tls')
  await cluster.client.delete(secrets, 'latchkey-system', 'lost-ca')
  one.reach(false)
  await one.settle()
  const made = await one.files('ca')
  expect(parts(made['ca.crt'])).toEqual([made['tls.crt'], old])
  expect((await one.files('issuer-tls'))['tls.crt']).toBe(serving['tls.crt'])
  expect((await one.files('issuer-tls'))['ca.crt']).toBe(made['ca.crt'])
  one.reach(true)
  await one.settle()
  expect(isSignedBy((await one.files('issuer-tls'))['tls.crt'], made['tls.crt'])).toBe(true)
  one.pass(1.1)
  await one.settle()
  expect((await one.files('ca'))['ca.crt']).toBe(made['tls.crt'])
})

test('a deleted or torn Secret is made anew', async () => {
  const one = release('torn')
  await one.settle()
  await cluster.client.delete(secrets, 'latchkey-system', 'torn-issuer-tls')
  await cluster.client.patch(secrets, 'latchkey-system', 'torn-ca', { data: { 'tls.key': '' } })
  await one.settle()
  const authority = await one.files('ca')
  expect(isSignedBy((await one.files('issuer-tls'))['tls.crt'], authority['tls.crt'])).toBe(true)
  expect(one.certificates.bundle()).toBe(authority['ca.crt'])
})

test('writes caBundle into both webhook configurations and nothing else, and puts it right', async () => {
  const one = release('hooks')
  await one.settle()
  const webhook = (name: string) => ({
    name,
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    failurePolicy: 'Ignore',
    timeoutSeconds: 5,
    clientConfig: { service: { name: 'hooks-webhook', namespace: 'latchkey-system', path: '/' } },
    rules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
  })
  type Configuration = KubeObject & {
    webhooks: { name: string; clientConfig: { caBundle?: string }; timeoutSeconds: number }[]
  }
  await one.certificates.reconcileWebhooks()
  for (const resource of [validatingWebhooks, mutatingWebhooks]) {
    expect(await cluster.client.get(resource, undefined, 'hooks')).toBeUndefined()
    const webhooks = [webhook('a.latchkey.dev'), webhook('b.latchkey.dev')]
    await cluster.client.create(resource, { metadata: { name: 'hooks' }, webhooks } as KubeObject)
  }
  await one.certificates.reconcileWebhooks()
  const expected = Buffer.from(one.certificates.bundle() ?? '').toString('base64')
  for (const resource of [validatingWebhooks, mutatingWebhooks]) {
    const found = await cluster.client.get<Configuration>(resource, undefined, 'hooks')
    expect(found?.webhooks.map(each => [each.name, each.clientConfig.caBundle, each.timeoutSeconds])).toEqual([
      ['a.latchkey.dev', expected, 5],
      ['b.latchkey.dev', expected, 5],
    ])
    await cluster.client.patch(
      resource,
      undefined,
      'hooks',
      [{ op: 'replace', path: '/webhooks/1/clientConfig/caBundle', value: '' }],
      { type: 'json' },
    )
    await one.certificates.reconcileWebhooks()
    const again = await cluster.client.get<Configuration>(resource, undefined, 'hooks')
    expect(again?.webhooks[1]?.clientConfig.caBundle).toBe(expected)
    const version = again?.metadata.resourceVersion
    await one.certificates.reconcileWebhooks()
    expect((await cluster.client.get(resource, undefined, 'hooks'))?.metadata.resourceVersion).toBe(version)
  }
})

test('makes a certificate for the authorizer where there is one, and none where there is not', async () => {
  const without = release('without')
  await without.settle()
  expect(await without.files('authorizer-tls')).toEqual({})
  const one = release('withone', { authorizer: true, authorizerTlsHosts: ['authz.example.com'] })
  await one.settle()
  const files = await one.files('authorizer-tls')
  const certificate = new X509Certificate(files['tls.crt'] ?? '')
  expect(certificate.checkHost('withone-authorizer.latchkey-system.svc')).toBeDefined()
  expect(certificate.checkHost('authz.example.com')).toBeDefined()
  expect(files['ca.crt']).toBe((await one.files('ca'))['ca.crt'])
})
