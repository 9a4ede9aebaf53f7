import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { AccessKeyStatus, PublicJwk } from '../../../core/api/access-key.ts'
import { thumbprint } from '../../../core/jose/jwk.ts'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../../platform/kube/resources.ts'
import { condition, startTestCluster, type TestCluster, until, type WithStatus } from './cluster.ts'

/** Keys whose private halves their owners keep. */
let cluster: TestCluster
let operator: RunningOperator
beforeAll(async () => {
  cluster = await startTestCluster()
  operator = await cluster.start()
})
afterAll(async () => {
  await operator?.stop()
  await cluster?.stop()
})

function makeKey(): { jwk: PublicJwk; kid: string } {
  const { kty, crv, x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const jwk = { kty, crv, x } as PublicJwk
  return { jwk, kid: thumbprint(jwk) }
}
const bring = async (namespace: string, publicKey: PublicJwk): Promise<KubeObject> => {
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
  const spec = { clientRef: { name: 'web' }, publicKey }
  return cluster.client.create(accessKeys, { metadata: { name: 'web', namespace }, spec } as KubeObject)
}
const change = ({ metadata }: KubeObject, spec: object) =>
  cluster.client.patch(accessKeys, metadata.namespace, metadata.name, { spec })
const ready = (key: KubeObject, reason: string) => condition(cluster.client, accessKeys, key, { type: 'Ready', reason })
/** The status once its keys are these. */
const keysAre = ({ metadata }: KubeObject, wanted: readonly string[]) =>
  until(async () => {
    const object = await cluster.client.get<WithStatus>(accessKeys, metadata.namespace, metadata.name)
    const status = object?.status as AccessKeyStatus | undefined
    const keys = (status?.keys ?? []).map(({ kid, state }) => `${kid} ${state}`).sort()
    return JSON.stringify(keys) === JSON.stringify([...wanted].sort()) && status
  }, `the keys ${wanted.join()}`)

test('a key of one’s own is exchanged: both are good for a day, and the guards are waited for again', async () => {
  const namespace = await cluster.namespace()
  const [first, second, third] = [makeKey(), makeKey(), makeKey()]
  const key = await bring(namespace, first.jwk)
  await ready(key, 'Ready')
  await condition(cluster.client, accessKeys, key, { type: 'Enforced', reason: 'NoGuards' })
  await change(key, { publicKey: second.jwk })
  const status = await keysAre(key, [`${second.kid} Active`, `${first.kid} Retiring`])
  expect(status).toMatchObject({ state: 'Active', keyId: second.kid })
  const [retiring] = (status.keys ?? []).filter(({ kid }) => kid === first.kid)
  const left = Date.parse(retiring?.notAfter ?? '') - Date.now()
  expect(Math.round(left / 3_600_000)).toBe(24)
  await condition(cluster.client, accessKeys, key, { type: 'Enforced', reason: 'NoGuards' })
  // Back again, and on to another one.
  await change(key, { publicKey: first.jwk })
  await keysAre(key, [`${first.kid} Active`, `${second.kid} Retiring`])
  await change(key, { publicKey: third.jwk })
  await keysAre(key, [`${third.kid} Active`, `${first.kid} Retiring`, `${second.kid} Retiring`])
  // No Secret is made of any of it.
  expect(await cluster.client.get(secrets, namespace, 'web')).toBeUndefined()
})

test('a key that leaked is exchanged and cut off in one change', async () => {
  const namespace = await cluster.namespace()
  const [first, second] = [makeKey(), makeKey()]
  const key = await bring(namespace, first.jwk)
  await ready(key, 'Ready')
  // The end of a key is told in seconds.
  await new Promise(resolve => setTimeout(resolve, 1_100))
  await change(key, { publicKey: second.jwk, keysNotBefore: new Date().toISOString() })
  await keysAre(key, [`${second.kid} Active`, `${first.kid} Revoked`])
  await change(key, { publicKey: first.jwk })
  await keysAre(key, [`${second.kid} Retiring`, `${first.kid} Revoked`])
  expect((await ready(key, 'Revoked')).found.message).toContain('Put another one into spec.publicKey.')
})

test('another identity of its client revokes it; the next one is good', async () => {
  const namespace = await cluster.namespace()
  const [first, second] = [makeKey(), makeKey()]
  const key = await bring(namespace, first.jwk)
  const before = (await ready(key, 'Ready')).status?.clientId
  await cluster.client.patch(apiClients, namespace, 'web', { spec: { identity: 2 } })
  const revoked = await keysAre(key, [`${first.kid} Revoked`])
  expect(revoked).toMatchObject({ state: 'Revoked' })
  expect(revoked.clientId).not.toBe(before)
  const count = async () => (await cluster.client.get<WithStatus>(apiClients, namespace, 'web'))?.status?.keys
  await until(async () => (await count()) === 0, 'no key that can be used')
  await change(key, { publicKey: second.jwk })
  await keysAre(key, [`${second.kid} Active`, `${first.kid} Revoked`])
  await until(async () => (await count()) === 1, 'one key that can be used')
})
