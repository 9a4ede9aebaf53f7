import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import type { AccessKeyStatus } from '../../../core/api/access-key.ts'
import type { RunningOperator } from '../../../operator/run-operator.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, pods, secrets, serviceAccounts } from '../../../platform/kube/resources.ts'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { commandLine } from '../../unit/cli/command-line.ts'
import { condition, startTestCluster, type TestCluster, until, type WithStatus } from '../operator/cluster.ts'
import { type IssuerDouble, startIssuerDouble } from '../operator/issuer-double.ts'

let cluster: TestCluster
let operator: RunningOperator
let issuer: IssuerDouble
let namespace: string
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'leaked-'))
  cluster = await startTestCluster()
  operator = await cluster.start()
  issuer = await startIssuerDouble(cluster.client)
  namespace = await cluster.namespace()
  await create(apiClients, 'web', {})
})
afterAll(async () => {
  await operator?.stop()
  issuer?.stop()
  await cluster?.stop()
  await rm(folder, { recursive: true })
})

const create = (resource: Resource, name: string, spec: object) =>
  cluster.client.create<WithStatus>(resource, { metadata: { name, namespace }, spec } as KubeObject)
const statusOf = async (name: string) =>
  (await cluster.client.get<WithStatus>(accessKeys, namespace, name))?.status as AccessKeyStatus | undefined
async function minted(name: string, spec: object = {}): Promise<string> {
  await create(accessKeys, name, { clientRef: { name: 'web' }, ...spec })
  const key = { metadata: { namespace, name } }
  await condition(cluster.client, accessKeys, key, { type: 'Ready', reason: 'Ready' })
  return until(async () => (await statusOf(name))?.keyId, 'the key')
}
const run = (args: readonly string[], input?: readonly string[], kubeconfig = cluster.plane.kubeconfig) =>
  commandLine(['leaked', '--kubeconfig', kubeconfig, ...args], { input })

/** A kubeconfig of a service account that may do nothing. */
async function kubeconfigOf(account: string): Promise<string> {
  await cluster.client.create(serviceAccounts, { metadata: { namespace, name: account } })
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`
  const asked = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } }
  const { status } = await cluster.client.raw<{ status: { token: string } }>('POST', path, asked)
  const config = parse(await readFile(cluster.plane.kubeconfig, 'utf8')) as { users: { user: object }[] }
  const file = join(folder, account)
  const users = config.users.map(user => ({ ...user, user: { token: status.token } }))
  await writeFile(file, JSON.stringify({ ...config, users }))
  return file
}

describe('latchkey leaked', () => {
  it('revokes the key of a token, waits for guards and the new key, and tells what the key did', async () => {
    const kid = await minted('worker')
    const secret = await cluster.client.get<KubeObject & { data: Record<string, string> }>(secrets, namespace, 'worker')
    const privateJwk = Buffer.from(secret?.data['private.jwk'] ?? '', 'base64').toString('utf8')
    const token = await tokenProvider({ key: JSON.parse(privateJwk) }).token('https://orders.shop.svc')
    const [header, claims = '', signature = ''] = token.split('.')
    const line = {
      ...{ v: 1, time: '2026-06-01T10:00:00.000Z', decision: 'allow', reason: 'granted', revision: '', key: kid },
      ...{ method: 'GET', route: 'order', path: '/orders/7', service: 'shop/orders', requestId: 'r', peer: '10.0.0.1' },
    }
    const audit = join(folder, 'audit.log')
    const others = [{ ...line, key: 'another' }, { what: 'else' }].map(one => JSON.stringify(one))
    await writeFile(
      audit,
      [JSON.stringify(line), ...others, 'x'.repeat(70_000), JSON.stringify(line).slice(0, 50)].join('\n'),
    )
    // Whoever wants to see somebody's key revoked can write a token that names it: the ids are published.
    const forged = await run(['-', '--yes', '--logs', 'skip'], [`${header}.${claims}.${'A'.repeat(86)}`])
    expect([forged.code, forged.complaint]).toEqual([2, expect.stringContaining('which did not sign it')])
    expect((await statusOf('worker'))?.keys?.map(({ state }) => state)).toEqual(['Active'])
    const ended = await run(['-', '--yes', '--audit', audit, '-o', 'json'], [token])
    expect([ended.code, ended.complaint]).toEqual([0, ''])
    for (const part of [claims, signature]) expect(ended.text).not.toContain(part)
    const report = JSON.parse(ended.text)
    const status = await statusOf('worker')
    expect(report).toEqual({
      kid,
      accessKeys: [
        {
          ...{ namespace, name: 'worker', client: 'web', secret: 'worker', newKey: status?.keyId },
          keysNotBefore: expect.stringMatching(/^20.*Z$/),
          refusedAfterSeconds: expect.any(Number),
          newKeyAfterSeconds: expect.any(Number),
        },
      ],
      calls: [expect.objectContaining({ service: 'shop/orders', route: 'order', calls: 1, peers: ['10.0.0.1'] })],
      untoldCalls: 0,
      foreignLines: 0,
      unreadableLines: 3,
    })
    expect(status?.keyId).not.toBe(kid)
    expect(status?.keys?.find(key => key.kid === kid)?.state).toBe('Revoked')
    // Asked again it has nothing to do, and says the same.
    const before = await cluster.client.get(accessKeys, namespace, 'worker')
    const again = await run([kid, '--yes', '--logs', 'skip'])
    expect(again).toMatchObject({
      code: 0,
      text: expect.stringMatching(/^AccessKey .*\/worker of client web\n.*\n {2}the key was revoked before\n/),
    })
    const after = await cluster.client.get(accessKeys, namespace, 'worker')
    expect(after?.metadata.generation).toBe(before?.metadata.generation)
  })

  const toOrders = { services: [{ namespace: 'shop', name: 'orders' }] }
  it.each<[string, object]>([
    ['StaticSecret', toOrders],
    ['ApiKey', toOrders],
    ['ClientSecret', {}],
  ])('revokes a %s by the secret itself, and tells nothing of it', async (type, spec) => {
    const name = type.toLowerCase()
    const kid = await minted(name, { type, ...spec })
    const stored = await cluster.client.get<KubeObject & { data: Record<string, string> }>(secrets, namespace, name)
    const secret = Buffer.from(stored?.data.secret ?? '', 'base64').toString('utf8')
    const { code, text, complaint } = await run(['-', '--yes', '--logs', 'skip', '-o', 'json'], [`KEY=${secret}\n`])
    expect([code, complaint]).toEqual([0, ''])
    expect(text).not.toContain(secret.slice(-20))
    const status = await statusOf(name)
    expect(JSON.parse(text)).toMatchObject({ kid, accessKeys: [{ namespace, name, newKey: status?.keyId }] })
    expect(status?.keys?.find(key => key.kid === kid)?.state).toBe('Revoked')
    expect(status?.keyId).toMatch(/^acc_/)
    expect(status?.keyId).not.toBe(kid)
  })

  it('tells of guards whose logs cannot be read, and for what else is known ends well', async () => {
    const kid = await minted('logged')
    const metadata = { namespace, name: 'orders-1', labels: { 'latchkey.dev/guard': 'orders' } }
    await cluster.client.create(serviceAccounts, { metadata: { namespace, name: 'app' } })
    const containers = [{ name: 'app', image: 'none' }]
    const spec = { serviceAccountName: 'app', automountServiceAccountToken: false, containers }
    await cluster.client.create(pods, { metadata, spec } as KubeObject)
    const { code, text } = await run([kid, '--yes', '-n', namespace])
    expect(code).toBe(0)
    expect(text).toMatch(/^ {2}refused by every guard after [0-9.]+ s$/m)
    expect(text).toContain('Logs of 0 guards were read.')
    expect(text).toContain(`- ${namespace}/orders-1: `)
  })

  it('ends with 1 where no AccessKey has the key, or has it elsewhere, and changes nothing', async () => {
    const kid = await minted('elsewhere')
    const stranger = 'A'.repeat(43)
    expect(await run([stranger, '--yes', '--logs', 'skip'])).toEqual({
      code: 1,
      text: '',
      complaint: `No AccessKey publishes the key ${stranger}: no guard takes it.\n`,
    })
    expect((await run([kid, '--yes', '--logs', 'skip', '-n', 'default'])).code).toBe(1)
    expect((await statusOf('elsewhere'))?.keyId).toBe(kid)
  })

  it('asks before it revokes, and does not where nobody says yes', async () => {
    const kid = await minted('asked')
    const { code, text, complaint } = await run([kid, '--logs', 'skip'])
    expect([code, text]).toEqual([1, ''])
    expect(complaint).toContain(`Revoke every key of AccessKey ${namespace}/asked at once?`)
    expect((await run([kid, '--logs', 'skip'], ['yes\n'])).code).toBe(2)
    expect((await statusOf('asked'))?.keyId).toBe(kid)
  })

  it('revokes a key of ones own for good, and waits for no new one', async () => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'
    await create(accessKeys, 'own', { clientRef: { name: 'web' }, publicKey: { kty: 'OKP', crv: 'Ed25519', x } })
    const kid = await until(async () => (await statusOf('own'))?.keys?.[0]?.kid, 'the key')
    const { code, text } = await run([kid, '--yes', '--logs', 'skip', '-o', 'json'])
    expect([code, JSON.parse(text).accessKeys[0].newKey]).toEqual([0, undefined])
    expect((await statusOf('own'))?.keys?.[0]?.state).toBe('Revoked')
  })

  it('ends with 124 where a guard does not have it in time, and tells what was done', async () => {
    const kid = await minted('slow')
    await operator.stop()
    const { code, text, complaint } = await run([kid, '--yes', '--logs', 'skip', '--timeout', '1'])
    operator = await cluster.start()
    expect(code).toBe(124)
    expect(text).toMatch(/keysNotBefore: 20.*\n {2}NOT DONE: not every guard refuses the key yet/)
    expect(complaint).toContain(`latchkey leaked: AccessKey ${namespace}/slow: not every guard`)
    await until(async () => (await statusOf('slow'))?.keyId !== kid, 'the revocation, when the operator is there again')
  })

  it('ends with 4 for who may not list AccessKeys', async () => {
    const kubeconfig = await kubeconfigOf('nobody')
    const { code, text, complaint } = await run(['A'.repeat(43), '--yes'], undefined, kubeconfig)
    expect([code, text]).toEqual([4, ''])
    expect(complaint).toMatch(/^latchkey leaked: .* refuses: accesskeys GET: 403 Forbidden\n$/)
  })
})

describe('latchkey unused', () => {
  const unused = (...args: string[]) =>
    commandLine(['unused', '--kubeconfig', cluster.plane.kubeconfig, '-n', namespace, ...args], {
      nowMs: Date.now() + 40 * 86_400_000,
    })

  it('lists what no call used, by the statuses and by age, and ends with 1', async () => {
    await minted('idle')
    await minted('busy')
    const lastUsedAt = new Date(Date.now() + 20 * 86_400_000).toISOString()
    const body = { status: { lastUsedAt } }
    await cluster.client.patch(accessKeys, namespace, 'busy', body, { subresource: 'status' })
    const { code, text } = await unused('-o', 'json')
    const { days, unused: found } = JSON.parse(text)
    const names = found.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`)
    expect([code, days]).toEqual([1, 30])
    expect(names).toContain('AccessKey idle')
    expect(names).not.toContain('AccessKey busy')
    expect(found[0]).toMatchObject({ namespace, unusedDays: 40 })
    const table = await unused('--days', '20')
    expect(table.text).toMatch(/^KIND +NAMESPACE +NAME +LAST-USED +UNUSED +CREATED\n/)
    expect(table.text).toMatch(/^AccessKey +\S+ +busy +20\S+Z +20d /m)
    expect(table.text).toMatch(/^AccessKey +\S+ +idle +never +40d /m)
  })

  it('ends with 0 where everything was used, or is younger', async () => {
    expect(await unused('--days', '41')).toMatchObject({ code: 0, complaint: '' })
  })

  it.each(['0', '-1', 'x', '1.5', '999999'])('takes --days %s for wrong usage', async days => {
    expect((await unused('--days', days)).code).toBe(2)
  })
})
