import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { RunningAuthorizer } from '../../../authorizer/authorizer.ts'
import { configTable } from '../../../authorizer/config.ts'
import { startInCluster } from '../../../authorizer/in-cluster.ts'
import type { EnforcementReport } from '../../../core/status/judge-enforcement.ts'
import type { Issuer } from '../../../issuer/issuer.ts'
import { systemClock } from '../../../platform/clock.ts'
import { readConfig } from '../../../platform/config.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { createAuthority, createServerCertificate } from '../../../platform/x509.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import {
  addClient,
  addGrant,
  addPod,
  addRole,
  addService,
  clientTokenOf,
  publishedKey,
  tokenOf,
} from '../issuer/objects.ts'
import { get } from '../issuer/web.ts'
import { releaseNamespace, startWorld, type World } from '../issuer/world.ts'

const secret = 's'.repeat(40)
const account = 'latchkey-authorizer'
let world: World
let issuer: Issuer
let folder: string
let ca: string
let authorizer: RunningAuthorizer
let checkout: Awaited<ReturnType<typeof addClient>>

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await world.namespace('partners')
  checkout = await addClient(world, 'partners', 'checkout')
  for (const name of ['orders', 'basket']) {
    await addService(world, 'shop', name)
    await addRole(world, 'shop', `${name}-reader`, [name])
    await addGrant(world, 'shop', `checkout-reads-${name}`, `${name}-reader`, [checkout])
  }
  const labels = { app: account }
  const pod = await addPod(world, {
    namespace: releaseNamespace,
    name: `${account}-1`,
    labels,
    serviceAccount: account,
  })
  await mayEnforce('orders')
  issuer = await world.startReplica()
  folder = await mkdtemp(join(tmpdir(), 'authorizer-issuer-'))
  ca = await writeCertificate()
  await writeFile(join(folder, 'ca.crt'), world.ca)
  await writeFile(join(folder, 'token'), await tokenOf(world, pod))
  await writeFile(join(folder, 'edge'), secret)
  authorizer = await start()
})
afterAll(async () => {
  await authorizer?.stop()
  await world?.close()
  await rm(folder, { recursive: true, force: true })
})

/** What the chart makes: the verb on one service, by name. */
async function mayEnforce(service: string): Promise<void> {
  const path = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop'
  const metadata = { name: `enforce-${service}`, namespace: 'shop' }
  const rule = {
    apiGroups: ['latchkey.dev'],
    resources: ['guardedservices'],
    resourceNames: [service],
    verbs: ['enforce'],
  }
  const subject = { kind: 'ServiceAccount', name: account, namespace: releaseNamespace }
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: metadata.name }
  const apiVersion = 'rbac.authorization.k8s.io/v1'
  await world.admin.raw('POST', `${path}/roles`, { apiVersion, kind: 'Role', metadata, rules: [rule] })
  const binding = { apiVersion, kind: 'RoleBinding', metadata, roleRef, subjects: [subject] }
  await world.admin.raw('POST', `${path}/rolebindings`, binding)
}

async function writeCertificate(): Promise<string> {
  const now = new Date()
  const authority = await createAuthority({ commonName: 'edge', now, lifetimeMs: 86_400_000 })
  const made = await createServerCertificate({ authority, hosts: ['issuer.test'], now, lifetimeMs: 86_400_000 })
  await writeFile(join(folder, 'tls.crt'), made.certificate)
  await writeFile(join(folder, 'tls.key'), made.privateKey)
  return authority.certificate
}

function start(): Promise<RunningAuthorizer> {
  const peer = { name: 'edge', proxy: 'HAProxy', services: ['shop/orders', 'shop/basket'] }
  const config = readConfig(configTable, {
    LATCHKEY_PEERS: JSON.stringify([{ ...peer, secretFile: join(folder, 'edge') }]),
    LATCHKEY_LISTEN: '127.0.0.1:0',
    LATCHKEY_GRPC_LISTEN: '127.0.0.1:0',
    LATCHKEY_HEALTH_LISTEN: '127.0.0.1:0',
    LATCHKEY_CERTIFICATE_FILE: join(folder, 'tls.crt'),
    LATCHKEY_KEY_FILE: join(folder, 'tls.key'),
    LATCHKEY_SNAPSHOT_URL: `https://127.0.0.1:${issuer.ports.snapshots}`,
    LATCHKEY_CA_FILE: join(folder, 'ca.crt'),
    LATCHKEY_TOKEN_FILE: join(folder, 'token'),
    LATCHKEY_SNAPSHOT_FOLDER: folder,
    LATCHKEY_AUDIT: join(folder, 'audit.log'),
    LATCHKEY_DRAIN_GRACE: '0s',
  })
  return startInCluster(config, { clock: systemClock, log: createQuietLog().log, version: 'test' })
}

const tokenFor = (service: string): string => clientTokenOf(checkout, `https://${service}.shop.svc`)

async function ask(service: string, token = tokenFor(service)): Promise<string> {
  const headers = {
    'latchkey-peer-secret': secret,
    'x-original-method': 'GET',
    'x-original-uri': '/x',
    authorization: `Bearer ${token}`,
  }
  const answer = await get({ port: authorizer.http ?? 0, ca, path: `/check/shop/${service}`, headers })
  return `${answer.status} ${answer.headers['latchkey-decision']}`
}
const granted = '200 allow; reason=granted; by=guard'

describe('an authorizer of a real issuer', () => {
  it('decides for the service that it may enforce', async () => {
    await expect.poll(() => ask('orders'), { timeout: 10_000 }).toBe(granted)
  })
  it('gets no policy of one that it may not, and denies every call to it', async () => {
    expect(await ask('basket')).toBe('503 deny; reason=policy_missing; by=guard')
  })
  it('gets it when the right is given, without a restart', async () => {
    await mayEnforce('basket')
    await expect.poll(() => ask('basket'), { timeout: 15_000 }).toBe(granted)
    // A token for one service is none for another.
    expect(await ask('basket', tokenFor('orders'))).toBe('401 deny; reason=wrong_audience; by=guard')
  })
  it('is told to the operator as a guard of both, by its pod', async () => {
    const { metadata } = (await world.admin.get(resources.pods, releaseNamespace, `${account}-1`)) ?? {}
    const labels = { app: 'operator' }
    const pod = { namespace: releaseNamespace, name: 'operator-1', labels, serviceAccount: 'latchkey-operator' }
    const token = await tokenOf(world, await addPod(world, pod))
    const reported = async () => {
      const headers = { authorization: `Bearer ${token}` }
      const { body } = await get({ port: issuer.ports.snapshots, ca: world.ca, path: '/v1/enforcement', headers })
      const { slices } = JSON.parse(body.toString()) as EnforcementReport
      return ['shop/orders', 'shop/basket'].map(key => slices[key]?.guards.map(({ uid, current }) => [uid, current]))
    }
    await expect.poll(reported).toEqual(Array(2).fill([[metadata?.uid, true]]))
  })
  it('J25 refuses a revoked key within a second of the write, also with a token it let in before', async () => {
    const token = tokenFor('orders')
    expect(await ask('orders', token)).toBe(granted)
    const revoked = { clientId: checkout.clientId, keys: [publishedKey(checkout.pair, 'Revoked')] }
    await world.setStatus(resources.accessKeys, 'partners', 'checkout-key', revoked)
    const revokedAnswer = '401 deny; reason=key_revoked; by=guard'
    await expect.poll(() => ask('orders', token), { timeout: 1_000, interval: 10 }).toBe(revokedAnswer)
  })
  it('F01 F13 goes on deciding, and starts again, while the issuer is away', async () => {
    await issuer.close(0)
    expect(await ask('orders')).toBe('401 deny; reason=key_revoked; by=guard')
    await authorizer.stop()
    authorizer = await start()
    expect(await ask('orders')).toBe('401 deny; reason=key_revoked; by=guard')
    expect(await ask('basket')).toBe('401 deny; reason=key_revoked; by=guard')
  })
})
